#!/usr/bin/env bash
# Gives this machine a Rust toolchain that builds for wasm32-unknown-unknown
# and prints the shell line that selects it:
#
#     eval "$(server/crates/xtask/scripts/wasm-toolchain.sh)"
#     cargo build --target wasm32-unknown-unknown
#
# 1. The ordinary way: rustup target add wasm32-unknown-unknown.
# 2. The Debian way, where rustup cannot download: packages rustc-web,
#    cargo-web, rust-web-src and lld-NN; std is compiled once for wasm32 from
#    Debian's own sources into a private sysroot, which is linked as the
#    rustup toolchain "wasm-web". Only apt writes under /usr.
#
# WASM_TOOLCHAIN=rustup|debian forces one way; WASM_SYSROOT moves the sysroot.
# Standard output carries only the selecting line; all talk goes to stderr.
set -euo pipefail

TARGET=wasm32-unknown-unknown
NAME=wasm-web
WAY=${WASM_TOOLCHAIN:-auto}
say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }

has_target() { # does this rustc's sysroot hold std for wasm32?
  local root
  root=$("$1" --print sysroot 2>/dev/null) || return 1
  compgen -G "$root/lib/rustlib/$TARGET/lib/libstd-*.rlib" >/dev/null
}

# ---- 1. the ordinary way ---------------------------------------------------
if [ "$WAY" != debian ]; then
  if has_target rustc; then
    say "$(rustc --version) has $TARGET"
    exit 0
  fi
  if command -v rustup >/dev/null; then
    say "rustup target add $TARGET"
    if timeout "${WASM_RUSTUP_TIMEOUT:-180}" rustup target add "$TARGET" >&2 && has_target rustc; then
      exit 0
    fi
  fi
  say "rustup could not add $TARGET"
  [ "$WAY" != rustup ] || exit 1
fi

# ---- 2. the Debian way -----------------------------------------------------
[ -e /etc/debian_version ] || { say "not Debian: add the $TARGET target by hand"; exit 1; }
RUSTC=/usr/bin/rustc
CARGO=/usr/bin/cargo
LIBRARY=/usr/lib/rustlib/src/rust/library

apt_get() {
  local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  say "apt-get $*"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -q "$@" >&2
}
wasm_ld() { compgen -G '/usr/lib/llvm-*/bin/wasm-ld' | sort -rV | head -n1; }

if ! dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1 || [ ! -e "$LIBRARY/Cargo.toml" ]; then
  apt_get update
  apt_get install -y --no-install-recommends rustc-web cargo-web rust-web-src
fi
if [ -z "$(wasm_ld || true)" ]; then
  major=$("$RUSTC" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  apt_get update
  apt_get install -y --no-install-recommends "lld-$major" || apt_get install -y --no-install-recommends lld
fi

# One sysroot per compiler build: an apt upgrade makes a fresh one.
info=$("$RUSTC" -vV)
host=$(sed -n 's/^host: //p' <<<"$info")
stamp=$(sed -n 's/^release: //p' <<<"$info")-$(sed -n 's/^commit-hash: \(.\{9\}\).*/\1/p' <<<"$info")
base=${WASM_SYSROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/rust-wasm-web}
root=$base/$stamp

if [ ! -e "$root/.complete" ]; then
  mkdir -p "$base"
  exec 9>"$base/.lock"
  flock 9
fi
if [ ! -e "$root/.complete" ]; then
  work=$(mktemp -d "$base/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "compiling std $stamp for $TARGET"
  cp -r "$LIBRARY" "$work/library"
  # The "dist" profile is the one Rust's own prebuilt std is made with: it
  # keeps bitcode, so a fat-LTO release build can reach into std.
  (
    cd "$work/library"
    env -u RUSTUP_TOOLCHAIN -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
      -u CARGO_TARGET_DIR -u RUSTC_WRAPPER -u RUSTC_WORKSPACE_WRAPPER \
      RUSTC="$RUSTC" RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 \
      RUSTFLAGS="-Zforce-unstable-if-unmarked -Cdebuginfo=0 --remap-path-prefix=$work/library=/rustc/$stamp/library" \
      __CARGO_DEFAULT_LIB_METADATA="$stamp" \
      "$CARGO" build --profile dist --target "$TARGET" \
      --manifest-path sysroot/Cargo.toml --target-dir "$work/target" >&2
  )
  new=$work/root
  mkdir -p "$new/bin" "$new/lib/rustlib/$TARGET/lib" "$new/lib/rustlib/$host/bin"
  cp "$work/target/$TARGET/dist/deps/"lib*.rlib "$work/target/$TARGET/dist/deps/"lib*.rmeta \
    "$new/lib/rustlib/$TARGET/lib/"
  ln -s "/usr/lib/rustlib/$host/lib" "$new/lib/rustlib/$host/lib"
  ln -s "$(wasm_ld)" "$new/lib/rustlib/$host/bin/rust-lld"
  ln -s /usr/lib/rustlib/src "$new/lib/rustlib/src"
  for tool in rustc rustdoc; do
    printf '#!/bin/sh\nexec /usr/bin/%s --sysroot "%s" "$@"\n' "$tool" "$root" >"$new/bin/$tool"
    chmod +x "$new/bin/$tool"
  done
  # cargo takes the rustc beside it, unless told otherwise.
  printf '#!/bin/sh\nRUSTC="${RUSTC:-%s/bin/rustc}" RUSTDOC="${RUSTDOC:-%s/bin/rustdoc}" exec /usr/bin/cargo "$@"\n' \
    "$root" "$root" >"$new/bin/cargo"
  chmod +x "$new/bin/cargo"
  rm -rf "$root"
  mv "$new" "$root"
  touch "$root/.complete"
  say "sysroot $root"
fi

if command -v rustup >/dev/null; then
  rustup toolchain link "$NAME" "$root" >&2
  echo "export RUSTUP_TOOLCHAIN=$NAME"
else
  echo "export PATH=\"$root/bin:\$PATH\""
fi

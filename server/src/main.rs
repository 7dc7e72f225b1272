//! `wharf`: see `cli`.

/// Gives back at once what was freed. The system's keeps it for each thread, so that under a crowd of 4 MiB manifests, which are many
/// threads' turns, three times as much was held as was in use (`docs/limits.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::main()
}

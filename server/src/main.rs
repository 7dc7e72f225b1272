//! `wharf`: see `cli`.

fn main() -> std::process::ExitCode {
    server::cli::main()
}

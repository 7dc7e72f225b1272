//! Logs, to standard error: text for people, JSON for machines. Standard output is for the one line that says where.

use crate::config::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` overrides the levels.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,reqwest=warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        LogFormat::Text => logs.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}

//! Logs, to standard error: text for people, JSON for machines. Standard output is for the one line that says where.

use crate::config::LogFormat;
use std::io::{self, Write};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging. `RUST_LOG` overrides the levels.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,reqwest=warn,tower_sessions=error"));
    // A second start in one process (tests) keeps the first.
    let _ = logs(format, filter, io::stderr).try_init();
}

fn logs<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Lines(writer));
    match format {
        LogFormat::Text => Box::new(logs.with_target(false).with_ansi(false).finish()),
        LogFormat::Json => Box::new(logs.json().finish()),
    }
}

/// Writers that keep an event on its line, whatever its words came from: the text format writes what is displayed as it is.
struct Lines<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Lines<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

/// Takes one event, which comes whole and ends in a line feed. Control characters are escaped as in JSON.
struct Line<W>(W);

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.strip_suffix('\n').unwrap_or(&text).chars() {
            match c {
                c if c.is_control() => line.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => line.push(c),
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn n_070_what_others_say_stays_within_its_line_of_the_log() {
        let evil = "a\r\n{\"level\":\"EVIL\"}\u{1b}[31m\u{7}\u{9b}2J\"}\\";
        for format in [LogFormat::Text, LogFormat::Json] {
            let written = Written::default();
            let to = written.clone();
            let logs = logs(format, EnvFilter::new("info"), move || to.clone());
            tracing::subscriber::with_default(logs, || {
                tracing::warn!(error = %domain::Error::NotFound(evil.to_owned()), name = evil, "it broke: {evil}");
            });
            let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            let line = log.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(char::is_control), "{format:?}: {log:?}");
            assert!(log.contains("EVIL"), "{format:?}: {log:?}");
            if format == LogFormat::Json {
                let line: serde_json::Value = serde_json::from_str(&log).unwrap();
                assert_eq!((line["level"].as_str(), line["fields"]["name"].as_str()), (Some("WARN"), Some(evil)));
            }
        }
    }
}

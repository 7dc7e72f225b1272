//! The server: configuration, wiring and serving. It decides nothing; rules live in `domain`.

pub mod admin;
pub mod assets;
pub mod background;
pub mod backup;
pub mod cli;
pub mod config;
pub mod fsck;
pub mod health;
pub mod limits;
pub mod metrics;
pub mod middleware;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod wiring;

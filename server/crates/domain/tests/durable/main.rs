//! What was acknowledged survives. A child process runs a workload on a data directory and says, line by line, what it
//! begins and what was answered; it is killed at every named point ([`points`]), or everything that it does to its files is
//! recorded, and the power is cut at every moment of that record ([`power`]).
//!
//! Short forms run with the other tests. The long one: `cargo xtask torture power`.

mod child;
mod cuts;
mod place;
mod points;
mod power;
mod record;
mod story;

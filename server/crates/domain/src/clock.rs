//! Time and randomness, passed in so that tests can hold them.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use model::Stamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the time comes from.
#[derive(Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// A test's, in milliseconds since the epoch.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    pub fn now(&self) -> Stamp {
        match self {
            Clock::System => {
                // The one place that reads the machine's clock.
                #[allow(clippy::disallowed_methods)]
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Stamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
            }
            Clock::Fixed(ms) => Stamp(ms.load(Ordering::Relaxed)),
        }
    }
}

/// Where randomness comes from: the operating system.
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Random(SystemRandom::new())
    }
}

impl Random {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // aws-lc aborts rather than give weak bytes; an error here is not a state one could go on in.
        self.0.fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// 128 random bits as 32 hexadecimal digits: ids of uploads and requests.
    pub fn id(&self) -> String {
        hex::encode(self.bytes::<16>())
    }
}

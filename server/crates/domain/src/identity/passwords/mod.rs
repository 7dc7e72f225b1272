//! Passwords: argon2id (RFC 9106) with OWASP's floor of 19 MiB, two at a time.

use crate::error::{Error, Result};
use crate::keys::Keys;
use crate::secrets::PlainSecret;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use aws_lc_rs::hmac;
use model::Stamp;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Most hashes computed at the same time: 2 × 19 MiB, whatever the crowd.
const AT_ONCE: usize = 2;
/// Waiting callers beyond which new ones are told to come back.
const WAITING: usize = 64;
/// What of the queue those may take who never signed in from where they are, and those of them from one network.
const STRANGERS: usize = WAITING / 4 * 3;
const OF_A_NETWORK: usize = STRANGERS / 4;
/// A verified password is remembered this long, so that a client's hundred Basic requests cost one hash.
const REMEMBER_MS: i64 = 600_000;
const REMEMBERED_MAX: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that compute hashes: always the same ones. An allocator keeps for a thread what that thread freed, so that 19 MiB on
/// whichever of many threads was free came to 250 MiB under a crowd of guesses. They take at most half of the cores: guessing is not
/// what a server is for. They end with the sender.
fn hashers() -> mpsc::Sender<Job> {
    let (jobs, next) = mpsc::channel::<Job>();
    let next = Arc::new(Mutex::new(next));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    for n in 0..(cores / 2).clamp(1, AT_ONCE) {
        let next = next.clone();
        let work = move || {
            loop {
                let job = next.lock().unwrap_or_else(PoisonError::into_inner).recv();
                // A job that panics answers nobody, and costs no thread.
                let Ok(_) = job.map(|job| catch_unwind(AssertUnwindSafe(job))) else { break };
            }
        };
        std::thread::Builder::new().name(format!("hasher-{n}")).spawn(work).expect("a thread");
    }
    jobs
}

/// Hashes and verifies passwords.
pub struct Passwords {
    hashers: mpsc::Sender<Job>,
    queue: Arc<Semaphore>,
    /// Places of [`STRANGERS`], and how many each network has of them.
    strangers: Arc<Semaphore>,
    networks: Networks,
    cache_key: hmac::Key,
    /// Proofs that were good: keyed by HMAC over account, `credentials_version` and password; with the time.
    cache: Mutex<HashMap<[u8; 32], Stamp>>,
    /// Checks under way, by the same key: a crowd that sends one password costs one hash.
    checking: Mutex<HashMap<[u8; 32], Weak<OnceCell<bool>>>>,
    /// Verified instead of an unknown account's hash, so that both take as long.
    dummy: std::sync::OnceLock<String>,
}

/// How many places of strangers each network has.
type Networks = Arc<Mutex<HashMap<String, usize>>>;

/// A stranger's place in the queue; the next has it when this is dropped. It goes along with the work, as the work's own place does:
/// who hangs up and asks again would else have as many as he likes.
struct StrangerSlot {
    networks: Networks,
    network: String,
    _turn: OwnedSemaphorePermit,
}

impl Drop for StrangerSlot {
    fn drop(&mut self) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = networks.get_mut(&self.network) {
            *held -= 1;
            if *held == 0 {
                networks.remove(&self.network);
            }
        }
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &[u8]) -> Result<String> {
    argon2().hash_password(password).map(|hash| hash.to_string()).map_err(|e| Error::Internal(e.to_string()))
}

impl Passwords {
    pub(crate) fn new(keys: &Keys) -> Self {
        Passwords {
            hashers: hashers(),
            queue: Arc::new(Semaphore::new(WAITING)),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
            networks: Networks::default(),
            cache_key: keys.hmac(b"wharf verified passwords v1"),
            cache: Mutex::default(),
            checking: Mutex::default(),
            dummy: std::sync::OnceLock::new(),
        }
    }

    /// Runs `work` on a hasher. The places in the queue move along, so a client that leaves does not free them early.
    async fn slot<T: Send + 'static>(&self, place: Option<Arc<StrangerSlot>>, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let waiting = self.queue.clone().try_acquire_owned().map_err(|_| Error::TooMany { what: "attempts", seconds: 2 })?;
        let (answer, done) = oneshot::channel();
        let job = move || {
            let done = work();
            // Before the answer: who has it finds the place free.
            drop((waiting, place));
            // Nobody may be there any more.
            let _ = answer.send(done);
        };
        self.hashers.send(Box::new(job)).map_err(|_| Error::Unavailable("shutting down".to_owned()))?;
        done.await.map_err(|_| Error::Internal("a password's hash was not computed".to_owned()))
    }

    /// A PHC string for the database.
    pub async fn hash(&self, password: &PlainSecret) -> Result<String> {
        let password = password.clone();
        self.slot(None, move || hash_now(password.reveal().as_bytes())).await?
    }

    /// Is this the password of the account with this name? `account` and `version` key the cache; `hash` is `None` for an
    /// unknown account, which costs the same and is never right. `stranger`: the network of who never signed in from there.
    pub async fn verify(
        &self,
        now: Stamp,
        name: &str,
        (account, version): (i64, i64),
        hash: Option<String>,
        password: &PlainSecret,
        stranger: Option<&str>,
    ) -> Result<bool> {
        if password.reveal().len() > model::user::PASSWORD_MAX {
            return Ok(false);
        }
        let known = hash.is_some();
        // Who is not there has a key too, each name its own: a crowd for an unknown account is answered as any other.
        let key = self.key(name, account, version, password);
        if known && self.cached(now, &key) {
            return Ok(true);
        }
        let place = stranger.map(|network| self.place(network)).transpose()?.map(Arc::new);
        let check = self.under_way(key);
        let right = *check.get_or_try_init(|| self.check(hash, password, place.clone())).await?;
        if right && known {
            self.remember(now, key);
        }
        Ok(right && known)
    }

    /// A place among the strangers. One network has a quarter of them, so that who tries many names keeps nobody else from signing in.
    fn place(&self, network: &str) -> Result<StrangerSlot> {
        let too_many = || Error::TooMany { what: "attempts", seconds: 2 };
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.get(network).is_some_and(|held| *held >= OF_A_NETWORK) {
            return Err(too_many());
        }
        let turn = self.strangers.clone().try_acquire_owned().map_err(|_| too_many())?;
        *networks.entry(network.to_owned()).or_default() += 1;
        Ok(StrangerSlot { networks: self.networks.clone(), network: network.to_owned(), _turn: turn })
    }

    /// Takes all places of strangers: a crowd of them, for tests.
    #[cfg(test)]
    pub async fn crowd(&self) -> OwnedSemaphorePermit {
        self.strangers.clone().acquire_many_owned(STRANGERS as u32).await.expect("it is never closed")
    }

    /// Was this secret right lately, for this account as it is?
    pub fn remembers(&self, now: Stamp, name: &str, (account, version): (i64, i64), secret: &PlainSecret) -> bool {
        self.cached(now, &self.key(name, account, version, secret))
    }

    /// The check of this key that is under way, or one to begin.
    fn under_way(&self, key: [u8; 32]) -> Arc<OnceCell<bool>> {
        let mut checking = self.checking.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(check) = checking.get(&key).and_then(Weak::upgrade) {
            return check;
        }
        checking.retain(|_, check| check.strong_count() > 0);
        let check = Arc::default();
        checking.insert(key, Arc::downgrade(&check));
        check
    }

    /// Computes the hash. Without one to compare with, a dummy's.
    async fn check(&self, hash: Option<String>, password: &PlainSecret, place: Option<Arc<StrangerSlot>>) -> Result<bool> {
        let hash = match hash {
            Some(hash) => hash,
            None => match self.dummy.get() {
                Some(dummy) => dummy.clone(),
                None => {
                    let made = self.slot(place.clone(), || hash_now(b"nobody has this password")).await??;
                    self.dummy.get_or_init(|| made).clone()
                }
            },
        };
        let password = password.clone();
        self.slot(place, move || {
            let Ok(parsed) = PasswordHash::new(&hash) else { return false };
            // Parameters come from the string: a planted one must not make us take gigabytes.
            let params = Params::try_from(&parsed).ok();
            if !params.is_some_and(|p| p.m_cost() <= 4 * MEMORY_KIB && p.t_cost() <= 10 && p.p_cost() <= 4) {
                return false;
            }
            argon2().verify_password(password.reveal().as_bytes(), &parsed).is_ok()
        })
        .await
    }

    fn key(&self, name: &str, account: i64, version: i64, password: &PlainSecret) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.cache_key);
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.to_ascii_lowercase().as_bytes());
        context.update(&account.to_be_bytes());
        context.update(&version.to_be_bytes());
        context.update(password.reveal().as_bytes());
        context.sign().as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
    }

    fn cached(&self, now: Stamp, key: &[u8; 32]) -> bool {
        let cache = self.cache.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        cache.get(key).is_some_and(|at| now.0 - at.0 < REMEMBER_MS)
    }

    fn remember(&self, now: Stamp, key: [u8; 32]) {
        let mut cache = self.cache.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if cache.len() >= REMEMBERED_MAX {
            cache.retain(|_, at| now.0 - at.0 < REMEMBER_MS);
            if cache.len() >= REMEMBERED_MAX {
                cache.clear();
            }
        }
        cache.insert(key, now);
    }
}

/// Judges a new password: its length, and how soon it would be guessed. No composition rule.
pub fn check_new_password(password: &PlainSecret, about: &[&str]) -> Result<(), String> {
    let text = password.reveal();
    model::user::check_password_length(text)?;
    if text.contains('\0') {
        return Err("must not contain a NUL character".into());
    }
    // zxcvbn's time grows with the length; the first hundred characters tell enough.
    let head: String = text.chars().take(100).collect();
    let mut known = vec!["wharf", "harbor", "registry", "docker", "cosign"];
    known.extend(about);
    let judged = zxcvbn::zxcvbn(&head, &known);
    if judged.score() < zxcvbn::Score::Two {
        let why = judged
            .feedback()
            .and_then(|f| f.warning().map(|w| w.to_string()))
            .unwrap_or_else(|| "It would be guessed quickly.".to_owned());
        return Err(format!("is too easy to guess. {why} Use a few unrelated words"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

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
use tokio::sync::{OnceCell, Semaphore, oneshot};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Hashes computed at the same time: 2 × 19 MiB, whatever the crowd.
const AT_ONCE: usize = 2;
/// Waiting callers beyond which new ones are told to come back.
const WAITING: usize = 64;
/// A verified password is remembered this long, so that a client's hundred Basic requests cost one hash.
const REMEMBER_MS: i64 = 600_000;
const REMEMBERED_MAX: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that compute hashes: always the same ones. An allocator keeps for a thread what that thread freed, so that 19 MiB on
/// whichever of many threads was free came to 250 MiB under a crowd of guesses. They end with the sender.
fn hashers() -> mpsc::Sender<Job> {
    let (jobs, next) = mpsc::channel::<Job>();
    let next = Arc::new(Mutex::new(next));
    for n in 0..AT_ONCE {
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
    /// What of the queue those may take who never signed in from where they are.
    strangers: Arc<Semaphore>,
    cache_key: hmac::Key,
    /// Proofs that were good: keyed by HMAC over account, `credentials_version` and password; with the time.
    cache: Mutex<HashMap<[u8; 32], Stamp>>,
    /// Checks under way, by the same key: a crowd that sends one password costs one hash.
    checking: Mutex<HashMap<[u8; 32], Weak<OnceCell<bool>>>>,
    /// Verified instead of an unknown account's hash, so that both take as long.
    dummy: std::sync::OnceLock<String>,
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
            strangers: Arc::new(Semaphore::new(WAITING / 4 * 3)),
            cache_key: keys.hmac(b"wharf verified passwords v1"),
            cache: Mutex::default(),
            checking: Mutex::default(),
            dummy: std::sync::OnceLock::new(),
        }
    }

    /// Runs `work` on a hasher. The place in the queue moves along, so a client that leaves does not free it early.
    async fn slot<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let waiting = self.queue.clone().try_acquire_owned().map_err(|_| Error::TooMany { what: "attempts", seconds: 2 })?;
        let (answer, done) = oneshot::channel();
        let job = move || {
            let done = work();
            // Before the answer: who has it finds the place free.
            drop(waiting);
            // Nobody may be there any more.
            let _ = answer.send(done);
        };
        self.hashers.send(Box::new(job)).map_err(|_| Error::Unavailable("shutting down".to_owned()))?;
        done.await.map_err(|_| Error::Internal("a password's hash was not computed".to_owned()))
    }

    /// A PHC string for the database.
    pub async fn hash(&self, password: &PlainSecret) -> Result<String> {
        let password = password.clone();
        self.slot(move || hash_now(password.reveal().as_bytes())).await?
    }

    /// Is this the password of the account with this name? `account` and `version` key the cache; `hash` is `None` for an
    /// unknown account, which costs the same and is never right.
    pub async fn verify(
        &self,
        now: Stamp,
        name: &str,
        (account, version): (i64, i64),
        hash: Option<String>,
        password: &PlainSecret,
        trusted: bool,
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
        let too_many = |_| Error::TooMany { what: "attempts", seconds: 2 };
        let _place = if trusted { None } else { Some(self.strangers.clone().try_acquire_owned().map_err(too_many)?) };
        let check = self.under_way(key);
        let right = *check.get_or_try_init(|| self.check(hash, password)).await?;
        if right && known {
            self.remember(now, key);
        }
        Ok(right && known)
    }

    /// Takes all places of strangers: a crowd of them, for tests.
    #[cfg(test)]
    pub async fn crowd(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.strangers.clone().acquire_many_owned(WAITING as u32 / 4 * 3).await.expect("it is never closed")
    }

    /// Was this secret right lately, for this account as it is?
    pub fn remembers(&self, now: Stamp, name: &str, (account, version): (i64, i64), secret: &PlainSecret) -> bool {
        self.cached(now, &self.key(name, account, version, secret))
    }

    /// Remembers that it is.
    pub fn remember_right(&self, now: Stamp, name: &str, (account, version): (i64, i64), secret: &PlainSecret) {
        self.remember(now, self.key(name, account, version, secret));
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
    async fn check(&self, hash: Option<String>, password: &PlainSecret) -> Result<bool> {
        let hash = match hash {
            Some(hash) => hash,
            None => match self.dummy.get() {
                Some(dummy) => dummy.clone(),
                None => {
                    let made = self.slot(|| hash_now(b"nobody has this password")).await??;
                    self.dummy.get_or_init(|| made).clone()
                }
            },
        };
        let password = password.clone();
        self.slot(move || {
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
mod tests {
    use super::*;

    fn secret(text: &str) -> PlainSecret {
        PlainSecret::new(text.to_owned())
    }

    #[tokio::test]
    async fn n_012_the_whole_password_counts() {
        let passwords = Passwords::new(&Keys::from_bytes([1; 32]));
        let long = "correct horse battery staple ".repeat(10) + " end";
        let hash = passwords.hash(&secret(&long)).await.unwrap();
        let now = Stamp(0);
        let verify = async |text: &str| passwords.verify(now, "ada", (1, 1), Some(hash.clone()), &secret(text), true).await.unwrap();
        assert!(verify(&long).await);
        assert!(verify(&long).await, "and again, from the cache");
        assert!(!verify(&long[..72]).await, "a prefix is not enough");
        assert!(!verify(&format!("{long}x")).await);
        assert!(!verify(long.trim_start_matches('c')).await);
        for text in [" spaces at both ends count ", "emoji 🚢 harbour 🚢 wall", &"p4ssphrase ".repeat(90)] {
            let hash = passwords.hash(&secret(text)).await.unwrap();
            assert!(passwords.verify(now, "bob", (2, 1), Some(hash.clone()), &secret(text), true).await.unwrap());
            assert!(!passwords.verify(now, "bob", (2, 1), Some(hash), &secret(text.trim()), true).await.unwrap() || text.trim() == text);
        }
        assert!(check_new_password(&secret(&"x y z ".repeat(200)), &[]).is_err(), "over 1024 bytes is refused");
        assert!(check_new_password(&secret("nul\0inside a longer phrase"), &[]).is_err());
    }

    #[tokio::test]
    async fn a_crowd_with_one_password_costs_one_hash_and_a_crowd_of_guesses_is_turned_away() {
        let passwords = Passwords::new(&Keys::from_bytes([1; 32]));
        let hash = passwords.hash(&secret("seven tall ships sail")).await.unwrap();
        let crowd = async |hash: Option<String>, password: fn(usize) -> String| {
            let account = if hash.is_some() { (1, 1) } else { (0, 0) };
            let ask = async |n| passwords.verify(Stamp(0), "ada", account, hash.clone(), &secret(&password(n)), true).await;
            futures_util::future::join_all((0..3 * WAITING).map(ask)).await
        };
        for (hash, password, expected) in [
            (Some(hash.clone()), (|_| "seven tall ships sail".to_owned()) as fn(usize) -> String, true),
            (Some(hash.clone()), |_| "seven tall ships sank".to_owned(), false),
            (None, |_| "seven tall ships sail".to_owned(), false),
        ] {
            let answers = crowd(hash, password).await;
            assert!(answers.iter().all(|answer| matches!(answer, Ok(right) if *right == expected)), "{answers:?}");
        }
        // Each of these is a hash of its own, and only so many wait.
        let answers = crowd(Some(hash), |n| format!("guess {n}")).await;
        let refused = |answers: &[Result<bool>]| answers.iter().filter(|answer| matches!(answer, Err(Error::TooMany { seconds: 2, .. }))).count();
        assert!((1..=2 * WAITING).contains(&refused(&answers)) && answers.iter().all(|answer| !matches!(answer, Ok(true))));
        // So are names that are not there: one of them does not answer for another.
        let names: Vec<String> = (0..3 * WAITING).map(|n| format!("nobody{n}")).collect();
        let ask = async |name: &String| passwords.verify(Stamp(0), name, (0, 0), None, &secret("seven tall ships sail"), true).await;
        let answers = futures_util::future::join_all(names.iter().map(ask)).await;
        assert!((1..=2 * WAITING).contains(&refused(&answers)) && answers.iter().all(|answer| !matches!(answer, Ok(true))));
    }

    #[tokio::test]
    async fn an_unknown_account_costs_a_hash_and_is_refused() {
        let passwords = Passwords::new(&Keys::from_bytes([1; 32]));
        assert!(!passwords.verify(Stamp(0), "nobody", (0, 0), None, &secret("anything"), true).await.unwrap());
        assert!(passwords.dummy.get().is_some(), "the dummy hash ran");
    }

    #[test]
    fn easy_passwords_are_refused_and_phrases_are_welcome() {
        for bad in ["short", "password1", "aaaaaaaaaaaaaaa", "Harbor12345", "cosign-demo"] {
            assert!(check_new_password(&secret(bad), &["cosign-demo"]).is_err(), "{bad}");
        }
        assert!(check_new_password(&secret("seven tall ships sail"), &[]).is_ok());
    }
}

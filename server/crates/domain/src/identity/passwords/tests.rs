//! What hashes cost, whoever asks for them, and what a password may be.

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
    let verify = async |text: &str| passwords.verify(now, "ada", (1, 1), Some(hash.clone()), &secret(text), None).await.unwrap();
    assert!(verify(&long).await);
    assert!(verify(&long).await, "and again, from the cache");
    assert!(!verify(&long[..72]).await, "a prefix is not enough");
    assert!(!verify(&format!("{long}x")).await);
    assert!(!verify(long.trim_start_matches('c')).await);
    for text in [" spaces at both ends count ", "emoji 🚢 harbour 🚢 wall", &"p4ssphrase ".repeat(90)] {
        let hash = passwords.hash(&secret(text)).await.unwrap();
        assert!(passwords.verify(now, "bob", (2, 1), Some(hash.clone()), &secret(text), None).await.unwrap());
        assert!(!passwords.verify(now, "bob", (2, 1), Some(hash), &secret(text.trim()), None).await.unwrap() || text.trim() == text);
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
        let ask = async |n| passwords.verify(Stamp(0), "ada", account, hash.clone(), &secret(&password(n)), None).await;
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
    let ask = async |name: &String| passwords.verify(Stamp(0), name, (0, 0), None, &secret("seven tall ships sail"), None).await;
    let answers = futures_util::future::join_all(names.iter().map(ask)).await;
    assert!((1..=2 * WAITING).contains(&refused(&answers)) && answers.iter().all(|answer| !matches!(answer, Ok(true))));
}

#[tokio::test]
async fn s_11_one_network_takes_a_quarter_of_the_strangers_places() {
    let passwords = Passwords::new(&Keys::from_bytes([1; 32]));
    let ask = async |n: usize, network: &'static str| {
        passwords.verify(Stamp(0), &format!("nobody{n}"), (0, 0), None, &secret("seven tall ships sail"), Some(network)).await
    };
    let crowd = futures_util::future::join_all((0..3 * OF_A_NETWORK).map(|n| ask(n, "192.0.2.1")));
    let (crowd, one) = tokio::join!(crowd, ask(1000, "192.0.2.2"));
    let refused = crowd.iter().filter(|answer| matches!(answer, Err(Error::TooMany { seconds: 2, .. }))).count();
    assert_eq!((refused, one.is_ok()), (2 * OF_A_NETWORK, true));
    assert!(passwords.networks.lock().unwrap().is_empty());
    // Who hangs up has the place until what was asked is done: asking on does not help.
    let left = |n| futures_util::FutureExt::now_or_never(ask(n, "192.0.2.1"));
    let waiting = (0..3 * OF_A_NETWORK).filter(|n| left(*n).is_none()).count();
    // Some may be done by now, and free their places.
    assert!((OF_A_NETWORK..2 * OF_A_NETWORK).contains(&waiting), "{waiting} waited");
    let known = passwords.verify(Stamp(0), "ada", (1, 1), Some("none".to_owned()), &secret("seven tall ships sail"), None).await;
    assert!(matches!(known, Ok(false)), "others have room: {known:?}");
    while !passwords.networks.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_unknown_account_costs_a_hash_and_is_refused() {
    let passwords = Passwords::new(&Keys::from_bytes([1; 32]));
    assert!(!passwords.verify(Stamp(0), "nobody", (0, 0), None, &secret("anything"), None).await.unwrap());
    assert!(passwords.dummy.get().is_some(), "the dummy hash ran");
}

#[test]
fn easy_passwords_are_refused_and_phrases_are_welcome() {
    for bad in ["short", "password1", "aaaaaaaaaaaaaaa", "Harbor12345", "cosign-demo"] {
        assert!(check_new_password(&secret(bad), &["cosign-demo"]).is_err(), "{bad}");
    }
    assert!(check_new_password(&secret("seven tall ships sail"), &[]).is_ok());
}

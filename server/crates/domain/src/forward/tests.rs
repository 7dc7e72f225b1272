//! Nothing that happened is missing at the receiver, whoever breaks off when; past the bound the oldest go, and that is told.

use super::*;
use crate::testing::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;

/// What a receiver took: by the event's id, how often and what.
type Taken = Arc<Mutex<BTreeMap<String, (u32, serde_json::Value)>>>;

/// A receiver on a free port, which reads as RFC 6587 counts; of every two connections
/// it hangs up the first after so many messages, if it is told to.
async fn receiver(taken: Taken, hangs_up_after: Option<usize>) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        for number in 0.. {
            let hangs_up_after = hangs_up_after.filter(|_| number % 2 == 0);
            let (stream, _) = listener.accept().await.unwrap();
            let taken = taken.clone();
            tokio::spawn(async move {
                let mut reading = BufReader::new(stream);
                for n in 0.. {
                    if hangs_up_after.is_some_and(|most| n >= most) {
                        return;
                    }
                    let mut count = Vec::new();
                    if reading.read_until(b' ', &mut count).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let Ok(count) = String::from_utf8(count).unwrap().trim().parse::<usize>() else { return };
                    let mut text = vec![0; count];
                    if reading.read_exact(&mut text).await.is_err() {
                        return;
                    }
                    let text = String::from_utf8(text).unwrap();
                    let said: serde_json::Value = serde_json::from_str(text.split_once(" - {").map(|(_, body)| format!("{{{body}")).unwrap().as_str()).unwrap();
                    let id = said["id"].as_str().unwrap().to_owned();
                    let mut all = taken.lock().unwrap();
                    let entry = all.entry(id).or_insert((0, said.clone()));
                    assert_eq!(entry.1, said, "a number is of one event");
                    entry.0 += 1;
                }
            });
        }
    });
    (port, task)
}

fn to(port: u16, keep: i64) -> Receiver {
    let parsed = Receiver::parse(&format!("tcp://127.0.0.1:{port}"), None, "wharf.test", keep).unwrap();
    Receiver { settles: Duration::from_secs(1), ..parsed }
}

fn things(taken: &Taken, kind: &str) -> BTreeSet<String> {
    let all = taken.lock().unwrap();
    all.values().filter(|(_, said)| said["action"] == kind).map(|(_, said)| said["thing"].as_str().unwrap().to_owned()).collect()
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..1200 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come");
}

/// How many events the test below writes; more than usual where `WHARF_TEST_EVENTS` says so.
fn events() -> usize {
    std::env::var("WHARF_TEST_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(800)
}

#[tokio::test(flavor = "multi_thread")]
async fn r_none_is_skipped_by_eight_writers_a_sender_that_is_killed_and_a_receiver_that_hangs_up() {
    let taken = Taken::default();
    let (port, _task) = receiver(taken.clone(), Some(97)).await;
    let world = World::with(|settings| settings.forward = Some(to(port, 1 << 40))).await;
    let all = events();
    let writers: Vec<_> = (0..8).map(|w| {
        let (ctx, who) = (world.ctx.clone(), world.admin.clone());
        tokio::spawn(async move {
            for n in (w..all).step_by(8) {
                let event = Event::RuleCreated { name: format!("event {n}") };
                ctx.change_content(&who, event, async |_| Ok(())).await.unwrap();
            }
        })
    }).collect();
    // Killed again and again while they write: it forgets what it sent.
    let mut round = 0_u64;
    while writers.iter().any(|writer| !writer.is_finished()) {
        let (stop, stopping) = watch::channel(false);
        let sender = tokio::spawn(run(world.restarted(), stopping));
        round += 1;
        tokio::time::sleep(Duration::from_millis(20 + round * 37 % 180)).await;
        sender.abort();
        drop(stop);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let (stop, stopping) = watch::channel(false);
    let sender = tokio::spawn(run(world.restarted(), stopping));
    until(|| things(&taken, "rule.create").len() == all).await;
    // What was sent settles in the end, although the receiver goes on hanging up.
    let mut left = i64::MAX;
    for _ in 0..2400 {
        left = sql::waiting(&mut world.ctx.db.read().await.unwrap()).await.unwrap().0;
        if left <= 97 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(left <= 97, "{left} wait");
    stop.send(true).unwrap();
    sender.await.unwrap();
}

#[tokio::test]
async fn each_pull_and_each_refusal_is_told_by_itself_with_address_and_client() {
    let taken = Taken::default();
    let (port, _task) = receiver(taken.clone(), None).await;
    let world = World::with(|settings| settings.forward = Some(to(port, 1 << 40))).await;
    let (project, r) = (world.project("p", false).await, "r".parse().unwrap());
    world.image(&project, &r, "v1", "one").await;
    for _ in 0..3 {
        crate::artifacts::pull(&world.ctx, &world.admin, &project, &r, &crate::artifacts::Reference::Tag("v1".parse().unwrap()), true).await.unwrap();
    }
    for _ in 0..2 {
        let client = crate::identity::Client { address: "198.51.100.9".into(), user_agent: "docker/27".into(), ..Default::default() };
        let secret = crate::secrets::PlainSecret::new("wrong".into());
        world.pass(2001);
        assert!(crate::identity::authenticate(&world.ctx, "admin", &secret, client).await.is_err());
    }
    let (stop, stopping) = watch::channel(false);
    let sender = tokio::spawn(run(world.ctx.clone(), stopping));
    let count = |kind: &str, outcome: &str| taken.lock().unwrap().values().filter(|(_, said)| said["action"] == kind && said["outcome"] == outcome).count();
    until(|| count("artifact.pull", "done") == 3 && count("user.sign-in", "refused") == 2).await;
    {
        let all = taken.lock().unwrap();
        let refused = &all.values().find(|(_, said)| said["outcome"] == "refused").unwrap().1;
        assert_eq!((&refused["address"], &refused["client"]), (&json!("198.51.100.9"), &json!("docker/27")));
        assert!(all.values().all(|(times, _)| *times == 1), "once, where nothing breaks");
    }
    let status = status(&world.ctx, &world.admin).await.unwrap().unwrap();
    assert!(status.up && status.error.is_empty(), "{status:?}");
    stop.send(true).unwrap();
    sender.await.unwrap();
}

#[tokio::test]
async fn past_the_bound_the_oldest_go_and_the_gap_is_an_event() {
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let world = World::with(|settings| settings.forward = Some(to(port, 20_000))).await;
    for n in 0..100 {
        let event = Event::RuleCreated { name: format!("event {n}") };
        world.ctx.change_content(&world.admin, event, async |_| Ok(())).await.unwrap();
    }
    let (mut line, mut weighed) = (None, None);
    let failed = step(&world.ctx, &to(port, 20_000), &mut line, &mut weighed).await.unwrap_err();
    assert!(failed.contains("reached"), "{failed}");
    let (waiting, bytes, _) = sql::waiting(&mut world.ctx.db.read().await.unwrap()).await.unwrap();
    assert!(bytes <= 21_000 && waiting < 100, "{waiting} of {bytes}");
    let taken = Taken::default();
    let (port, _task) = receiver(taken.clone(), None).await;
    step(&world.ctx, &to(port, 20_000), &mut line, &mut weighed).await.unwrap();
    until(|| things(&taken, "log.gap").len() == 1).await;
    let lost = taken.lock().unwrap().values().find(|(_, said)| said["action"] == "log.gap").unwrap().1["details"]["events"].as_str().unwrap().parse::<usize>().unwrap();
    let told = things(&taken, "rule.create");
    assert!(told.contains("event 99") && !told.contains("event 0"), "{told:?}");
    // The first administrator's and the world's own events are among the lost.
    assert!(lost >= 100 - told.len(), "{lost} and {}", told.len());
}

#[tokio::test]
async fn strangers_fill_nothing_and_push_nobody_out() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let world = World::with(|settings| settings.forward = Some(to(port, 1 << 20))).await;
    for n in 0..50 {
        let event = Event::RuleCreated { name: format!("event {n}") };
        world.ctx.change_content(&world.admin, event, async |_| Ok(())).await.unwrap();
    }
    for n in 0..20_000 {
        let event = Event::SignedIn { name: format!("robot${n}{}", "\u{1}".repeat(5900)) };
        world.ctx.note_refusal(&Principal::anonymous(Default::default()), event);
    }
    flush(&world.ctx).await.unwrap();
    weigh(&world.ctx, 1 << 20).await.unwrap();
    // Nor does a flood make a row of the log at each write.
    for n in 0..5 {
        world.ctx.note_refusal(&Principal::anonymous(Default::default()), Event::SignedIn { name: format!("more {n}") });
        flush(&world.ctx).await.unwrap();
    }
    let told = crate::audit::Asked { kinds: vec!["log.gap".into()], ..Default::default() };
    assert_eq!(crate::audit::list(&world.ctx, &world.admin, None, &told, None, 9).await.unwrap().items.len(), 1);
    let mut c = world.ctx.db.read().await.unwrap();
    let rows = sql::next(&mut c, 0, 10_000).await.unwrap();
    assert!(rows.iter().all(|row| row.body.len() < 8192), "a message is of a size that receivers take");
    assert_eq!(rows.iter().filter(|row| row.kind == "rule.create").count(), 50, "what was done is there");
    assert!(rows.iter().filter(|row| row.severity == 4).count() <= 2000);
    assert!(rows.iter().any(|row| row.kind == "log.gap"), "how many were not told of one by one is");
}

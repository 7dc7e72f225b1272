//! The power is cut at every moment of a recorded life, and what was answered must be there. Then each kind of sync is left out
//! in turn, and the same experiment must notice: otherwise it would prove nothing.

use crate::child;
use crate::cuts::{Disk, Mode};
use crate::record::{self, Change, Kind};
use crate::story::Story;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Cuts in the short form.
const FEW: usize = 400;

/// What a sync is for, by what it syncs.
fn purpose(path: &str) -> &'static str {
    let depth = path.matches('/').count();
    match path {
        "" => "the data directory",
        "wharf" | "wharf.new" => "the marker",
        "key" | "key.new" => "the key",
        "wharf.db" => "the database",
        "wharf.db-wal" => "the database's log",
        "wharf.db-journal" => "the database's journal",
        _ if path.starts_with("uploads/") => "a blob's bytes",
        _ if path.starts_with("blobs/") && depth == 2 => "a blob's folder",
        _ if path.starts_with("blobs") => "the folder of a blob's folder",
        _ => "something else",
    }
}

struct Life {
    changes: Vec<Change>,
    lines: Vec<String>,
}

fn recorded() -> Life {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("record"));
    std::fs::create_dir(&data).unwrap();
    let library = record::recorder(folder.path());
    let (lines, ended) = child::run(&data, &[
        ("LD_PRELOAD", library.as_os_str()), ("RECORD_ROOT", data.as_os_str()), ("RECORD_FILE", file.as_os_str()),
    ]);
    assert!(ended, "the recorded life came to its end");
    Life { changes: record::read(&file), lines }
}

/// One cut: after `at` changes.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: usize,
    mode: Mode,
}

impl Life {
    /// Makes the cuts, in two threads; answers how many were made and what was lost. Ends at the first loss if `first`.
    fn cut(&self, cuts: &[Cut], without: &str, first: bool) -> (usize, Vec<String>) {
        let (next, made, stop, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
        // Each thread has a part of the moments, in their order.
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let (mut disk, mut taken) = (Disk::default(), 0);
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= cuts.len() || stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let cut = cuts[n];
                        while taken < cut.at {
                            let change = &self.changes[taken];
                            disk.take(change, without.is_empty() || purpose(&change.path) != without);
                            taken += 1;
                        }
                        // What was answered before the next change ended was answered without it.
                        let until = self.changes.get(cut.at).map_or(u64::MAX, |change| change.ns - 1);
                        let folder = tempfile::Builder::new().tempdir_in(scratch()).unwrap();
                        disk.cut(cut.mode, folder.path());
                        made.fetch_add(1, Ordering::Relaxed);
                        if let Err(why) = runtime.block_on(Story::told(&self.lines, until).compare(folder.path())) {
                            lost.lock().unwrap().push(format!("{cut:?}: {why}"));
                            stop.store(first, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        (made.into_inner(), lost.into_inner().unwrap())
    }
}

/// Memory, where there is a file system of it: cuts are many, and none needs to last.
fn scratch() -> std::path::PathBuf {
    let memory = std::path::PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

#[test]
fn r_03_r_04_the_power_is_cut_and_each_sync_is_needed() {
    if std::env::var_os("WHARF_TEST_POSTGRES").is_some() {
        eprintln!("SKIPPED on PostgreSQL: it looks after its own files");
        return;
    }
    let wanted = std::env::var("WHARF_TORTURE_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(FEW);
    let life = recorded();
    let moments = life.changes.len();
    let mut purposes: BTreeMap<&str, usize> = BTreeMap::new();
    for change in life.changes.iter().filter(|change| matches!(change.kind, Kind::Sync)) {
        *purposes.entry(purpose(&change.path)).or_default() += 1;
    }
    println!("recorded: {moments} changes, {} lines, syncs {purposes:?}", life.lines.len());
    assert!(!purposes.contains_key("something else"));
    let cuts: Vec<Cut> = (0..wanted)
        .map(|n| {
            let mode = match n % 5 {
                0 => Mode::Drop,
                1 => Mode::NamesOnly,
                2 => Mode::BytesOnly,
                _ => Mode::Random(n as u64 + 1),
            };
            Cut { at: (n as u64 * moments as u64 / wanted as u64) as usize, mode }
        })
        .collect();
    let (made, lost) = life.cut(&cuts, "", false);
    assert!(lost.is_empty(), "{} of {made} cuts lost something: {:#?}", lost.len(), &lost[..lost.len().min(5)]);
    println!("R-03: {made} cuts, lost 0");

    let (mut caught, mut missed) = (0, Vec::new());
    for without in purposes.keys() {
        let worst: Vec<Cut> = (0..=moments)
            .step_by((moments / 150).max(1))
            .chain([moments])
            .flat_map(|at| [Mode::Drop, Mode::NamesOnly, Mode::Random(at as u64 + 7)].map(|mode| Cut { at, mode }))
            .collect();
        let (made, lost) = life.cut(&worst, without, true);
        match lost.first() {
            Some(why) => {
                caught += 1;
                println!("R-04: without syncing {without}: noticed after {made} cuts: {why}");
            }
            None => missed.push(*without),
        }
    }
    assert!(missed.is_empty(), "{caught} of {} left-out syncs were noticed, not {missed:?}", purposes.len());
    println!("R-04: {caught} of {} left-out syncs were noticed", purposes.len());
}

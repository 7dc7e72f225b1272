//! Killed at every named point, each at several of its visits: what was answered is there after the next start.

use crate::child::{self, POINT};
use crate::story::Story;
use std::time::Instant;

#[test]
fn r_02_killed_at_every_point() {
    if std::env::var_os("WHARF_TEST_POSTGRES").is_some() {
        eprintln!("SKIPPED on PostgreSQL: it looks after its own files");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut kills, mut worst, mut promised) = (0, std::time::Duration::ZERO, 0);
    for point in domain::points::ALL {
        let mut hits = 0;
        // The first visits, and some that come later.
        for visit in [1, 2, 5, 12, 30] {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            let at = format!("{point} {visit}");
            let (lines, ended) = child::run(&data, &[(POINT, at.as_ref())]);
            if ended {
                break;
            }
            (hits, kills) = (hits + 1, kills + 1);
            let story = Story::told(&lines, u64::MAX);
            promised += story.promised();
            let begin = Instant::now();
            runtime.block_on(story.compare(&data)).unwrap_or_else(|lost| panic!("killed at {at}: {lost}"));
            worst = worst.max(begin.elapsed());
        }
        assert!(hits > 0, "{point} is never reached");
    }
    println!("R-02: {} points, {kills} kills, {promised} answered pushes looked for, lost 0; start and check at most {worst:?}", domain::points::ALL.len());
}

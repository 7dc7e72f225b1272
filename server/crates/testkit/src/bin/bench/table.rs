//! What was found, as one table.

use super::subject::Subject;
use super::{ALL, What, median};
use anyhow::Result;
use std::fmt::Write as _;

fn spread(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    format!("{low:.0}–{high:.0}")
}

pub(super) fn table(subjects: &[Subject], rates: &[Vec<Vec<f64>>], slow: &[Vec<Vec<f64>>], cpu: &[Vec<f64>], rounds: usize) -> Result<String> {
    let mut text = format!("medians of {rounds} rounds, taking turns; a second (lowest–highest) p99 in ms, CPU ms each\n\n{:<26}", "");
    for subject in subjects {
        write!(text, "{:<36}", subject.name)?;
    }
    text.push_str("of the better peer\n");
    for (n, (name, what)) in ALL.iter().enumerate().filter(|(n, _)| !rates[*n][0].is_empty()) {
        let times = match what {
            What::Pull { times, .. } | What::Push { times, .. } | What::Manifest { times, .. } => *times,
            What::Head { times, .. } | What::Images { times, .. } | What::Tags { times } | What::Referrers { times } => *times,
        };
        write!(text, "{name:<26}")?;
        for m in 0..subjects.len() {
            let (rate, p99) = (median(&rates[n][m]), median(&slow[n][m]));
            if rate == 0.0 {
                write!(text, "{:<36}", "has none")?;
                continue;
            }
            let each = cpu[n][m] * 1000.0 / (times * rounds) as f64;
            write!(text, "{:<36}", format!("{rate:.0} ({}) {p99:.1} {each:.2}", spread(&rates[n][m])))?;
        }
        let best = rates[n][1..].iter().map(|all| median(all)).fold(0.0, f64::max);
        if best > 0.0 {
            write!(text, "{:.2} ×", median(&rates[n][0]) / best)?;
        }
        text.push('\n');
    }
    write!(text, "{:<26}", "peak memory, MB")?;
    for subject in subjects {
        write!(text, "{:<36}", subject.peak()?)?;
    }
    text.push('\n');
    for (n, (name, what)) in ALL.iter().enumerate() {
        let (What::Pull { size, times } | What::Push { size, times }) = what else { continue };
        if rates[n][0].is_empty() {
            continue;
        }
        write!(text, "{:<26}", format!("CPU s a GB, {name}"))?;
        for each in &cpu[n] {
            write!(text, "{:<36.2}", each / ((size * times * rounds) as f64 / 1e9))?;
        }
        text.push('\n');
    }
    Ok(text)
}

//! What was found, as one table.

use super::subject::Subject;
use super::{ALL, What, median};
use anyhow::Result;
use std::fmt::Write as _;

/// What an older Wharf is called.
pub(super) const BEFORE: &str = "before";

/// How many times as fast it is as the one of the same round before: the median, and between what it lies with 95 % (order
/// statistics of the median; of five rounds and fewer, between the lowest and the highest).
fn paired(now: &[f64], before: &[f64]) -> String {
    let mut ratios: Vec<f64> = now.iter().zip(before).map(|(now, before)| now / before).collect();
    ratios.sort_by(f64::total_cmp);
    // So many at either end that fewer than 2.5 % of the medians lie beyond.
    let (mut beyond, mut choose, mut end) = (0.0, 1.0, 0);
    let n = ratios.len() as f64;
    loop {
        beyond += choose / 2_f64.powf(n);
        if beyond > 0.025 || end + 1 >= ratios.len() / 2 {
            break;
        }
        choose *= (n - end as f64) / (end as f64 + 1.0);
        end += 1;
    }
    let low = end.saturating_sub(1);
    format!("{:.3} × ({:.3}–{:.3})", median(&ratios), ratios[low], ratios[ratios.len() - 1 - low])
}

fn spread(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    format!("{low:.0}–{high:.0}")
}

pub(super) fn table(subjects: &[Subject], rates: &[Vec<Vec<f64>>], slow: &[Vec<Vec<f64>>], cpu: &[Vec<f64>], rounds: usize) -> Result<String> {
    let mut text = format!("medians of {rounds} rounds, taking turns; a second (lowest–highest) p99 in ms, CPU ms each\n\n{:<26}", "");
    for subject in subjects {
        write!(text, "{:<36}", subject.name)?;
    }
    let older = subjects.iter().position(|subject| subject.name == BEFORE);
    text.push_str(if older.is_some() { "of the one before (95 %)\n" } else { "of the better peer\n" });
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
        if let Some(older) = older {
            writeln!(text, "{}", paired(&rates[n][0], &rates[n][older]))?;
            continue;
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

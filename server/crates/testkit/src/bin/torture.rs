//! The experiments of `testkit::torture` in their long form, each with its figures. `cargo xtask torture` builds and starts it.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::time::Duration;
use testkit::torture::{field, hostile, kill, load, slow};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: torture WHARF kill|gc|memory|resume|slow|hostile|field|plan [NUMBER]";
    let (Some(binary), Some(what)) = (arguments.first().map(PathBuf::from), arguments.get(1)) else { bail!(usage) };
    let number = |default: usize| match arguments.get(2) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().context("how many"),
    };
    let seed = std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs());
    match what.as_str() {
        "kill" => println!("R-01: {}", kill::kill(&binary, number(1000)?, seed, false).await?),
        "gc" => println!("R-06: {}", kill::kill(&binary, number(200)?, seed, true).await?),
        "memory" => {
            let count = number(200)?;
            let (span, most) = load::pushes(&binary, count as u64, 64 << 20).await?;
            println!("R-31: {count} pushes of 64 MiB at once: {:.1} s, at most {most} MiB of memory", span.as_secs_f64());
            let (most, open) = load::pulls(&binary, count * 5, 1 << 30, Duration::from_secs(20)).await?;
            println!("R-31: {} slow pulls of 1 GiB at once: at most {most} MiB of memory; open files {open:?} before, meanwhile, after", count * 5);
        }
        "resume" => {
            let again = load::resumed(&binary, 1 << 30, 16 << 20).await?;
            println!("R-05: 1 GiB in chunks of 16 MiB, killed at 60 %: {again} bytes sent again, {:.2} chunks", again as f64 / f64::from(16 << 20));
        }
        "hostile" => {
            let seconds = number(30)?;
            println!("{}", hostile::hostile(&binary, Duration::from_secs(seconds as u64)).await?);
        }
        "field" => println!("{}", field::disturbed(&binary, number(500)?, Duration::from_secs(60)).await?),
        "plan" => println!("{}", field::planned(&binary, number(100_000)?).await?),
        "slow" => println!("N-084: {}", slow::slow(&binary, number(4096)?, 1024).await?),
        _ => bail!(usage),
    }
    Ok(())
}

//! The short forms of `cargo xtask torture`.

use anyhow::Result;
use std::time::Duration;
use testkit::torture::{field, hostile, kill, load, slow};

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_01_killed_at_random_under_pushers() -> Result<()> {
    println!("R-01: {}", kill::kill(&crate::binary()?, 12, 1, false).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn s_01_to_12_beside_all_attacks_nothing_is_refused_to_the_honest() -> Result<()> {
    let figures = hostile::hostile(&crate::binary()?, Duration::from_secs(6)).await?;
    println!("{figures}");
    anyhow::ensure!(figures.beside.iter().all(|honest| honest.refused == 0 && honest.done > 0), "something was refused: {figures}");
    // A debug build computes password hashes in its own time; memory is what it is.
    anyhow::ensure!(figures.memory < 400, "{} MiB", figures.memory);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_06_killed_while_garbage_is_collected() -> Result<()> {
    println!("R-06: {}", kill::kill(&crate::binary()?, 12, 2, true).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_05_an_upload_goes_on_after_a_kill() -> Result<()> {
    let (size, chunk) = (64 << 20, 4 << 20);
    let again = load::resumed(&crate::binary()?, size, chunk).await?;
    println!("R-05: {size} bytes in chunks of {chunk}, killed at 60 %: {again} bytes sent again");
    anyhow::ensure!(again <= chunk as u64, "more than a chunk was sent again");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_31_many_at_once_take_little_memory() -> Result<()> {
    let binary = crate::binary()?;
    let (span, most) = load::pushes(&binary, 40, 8 << 20).await?;
    println!("R-31: 40 pushes of 8 MiB at once in {span:?}, at most {most} MiB");
    anyhow::ensure!(most < 200, "{most} MiB");
    let (most, open) = load::pulls(&binary, 700, 64 << 20, Duration::from_secs(3)).await?;
    println!("R-31: 700 slow pulls at once, at most {most} MiB; open files {open:?}");
    anyhow::ensure!(most < 200, "{most} MiB");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_084_silent_clients_are_closed_and_others_go_on() -> Result<()> {
    println!("N-084: {}", slow::slow(&crate::binary()?, 160, 64).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_a_target_that_misbehaves_all_the_time_gets_everything() -> Result<()> {
    println!("{}", field::disturbed(&crate::binary()?, 30, Duration::from_secs(2)).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn x_many_are_planned_beside_pushes() -> Result<()> {
    println!("{}", field::planned(&crate::binary()?, 1000).await?);
    Ok(())
}

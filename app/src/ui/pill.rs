//! A status in one word: never by colour alone.

use super::icon;
use leptos::prelude::*;
use model::replication::execution::TaskStatus;
use model::run::RunStatus;
use model::robot::State;

/// What a status means for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Neutral,
    Ok,
    Info,
    Warn,
    Bad,
}

/// `pill(Tone::Ok, "check", "Succeeded")`; an empty icon leaves it out.
pub fn pill(tone: Tone, icon_name: &'static str, label: impl Into<String>) -> AnyView {
    let class = match tone {
        Tone::Neutral => "pill",
        Tone::Ok => "pill pill--ok",
        Tone::Info => "pill pill--info",
        Tone::Warn => "pill pill--warn",
        Tone::Bad => "pill pill--bad",
    };
    let label: String = label.into();
    let sign = match icon_name {
        "" => ().into_any(),
        "spin" => view! { <span class="pill__spin" aria-hidden="true"></span> }.into_any(),
        name => icon(name),
    };
    view! { <span class=class>{sign}{label}</span> }.into_any()
}

pub fn run_status(status: RunStatus) -> AnyView {
    let (tone, sign) = match status {
        RunStatus::Queued => (Tone::Neutral, "clock"),
        RunStatus::Running => (Tone::Info, "spin"),
        RunStatus::Succeeded => (Tone::Ok, "check"),
        RunStatus::PartlyFailed => (Tone::Warn, "warn"),
        RunStatus::Failed => (Tone::Bad, "warn"),
        RunStatus::Stopped => (Tone::Neutral, ""),
        RunStatus::Empty => (Tone::Warn, "warn"),
    };
    pill(tone, sign, status.label())
}

pub fn task_status(status: TaskStatus) -> AnyView {
    let (tone, sign) = match status {
        TaskStatus::Pending => (Tone::Neutral, "clock"),
        TaskStatus::Running => (Tone::Info, "spin"),
        TaskStatus::Succeeded => (Tone::Ok, "check"),
        TaskStatus::Skipped => (Tone::Neutral, "check"),
        TaskStatus::PartlyFailed => (Tone::Warn, "warn"),
        TaskStatus::Failed => (Tone::Bad, "warn"),
        TaskStatus::Stopped => (Tone::Neutral, ""),
    };
    pill(tone, sign, status.label())
}

pub fn robot_state(state: State) -> AnyView {
    match state {
        State::Active => pill(Tone::Ok, "check", "Active"),
        State::ExpiresSoon(1) => pill(Tone::Warn, "clock", "Expires within a day"),
        State::ExpiresSoon(days) => pill(Tone::Warn, "clock", format!("Expires in {days} days")),
        State::Expired => pill(Tone::Bad, "warn", "Expired"),
        State::Disabled => pill(Tone::Neutral, "", "Disabled"),
    }
}

pub fn target_health(healthy: Option<bool>) -> AnyView {
    match healthy {
        Some(true) => pill(Tone::Ok, "check", "Reachable"),
        Some(false) => pill(Tone::Bad, "warn", "Unreachable"),
        None => pill(Tone::Neutral, "", "Not tested"),
    }
}

/// A label: its colour in a dot, drawn and not styled, so that the page's policy for styles holds; its name in words.
pub fn label_chip(color: &str, name: String) -> AnyView {
    let dot = (!color.is_empty()).then(|| view! {
        <svg class="pill__dot" width="8" height="8" viewBox="0 0 8 8" aria-hidden="true"><circle cx="4" cy="4" r="4" fill=color.to_owned()></circle></svg>
    });
    view! { <span class="pill pill--label">{dot}{name}</span> }.into_any()
}

//! Tag retention: the rules as sentences, what no rule covers, the clock, the runs; the form of a rule.

use super::forms;
use crate::Answer;
use crate::pages::prelude::*;
use domain::Owner;
use domain::retention::{self, Foreseen};
use model::ProjectName;
use model::project::ProjectFrame;
use model::retention::{MOST, RetentionPolicy, RetentionRule, RetentionRun, Template, Uncovered};
use model::run::duration;
use model::schedule::{Schedule, WORDS, kind};
use model::selector::Of;
use model::stamp::{bytes, count, grouped};
use model::{Action, Stamp};

/// Labels that the form of a rule names.
const NAMED: usize = 30;

/// The policy, on the project's page, and whether a run is under way.
pub async fn section(call: &Call, frame: &ProjectFrame) -> Result<(AnyView, bool), UiError> {
    let project = &frame.project.name;
    let policy = retention::get(&call.ctx, &call.who, project).await?;
    let f = call.filter(&[]);
    let runs = retention::runs(&call.ctx, &call.who, project, &f.ask_page()).await?;
    let under_way = runs.items.iter().any(|run| !run.status.settled());
    let rules = policy.as_ref().map(|policy| policy.rules.as_slice()).unwrap_or_default();
    let seen = policy.as_ref().map_or(0, |policy| policy.updated_at.0);
    let may = frame.may(Action::RetentionUpdate);
    let rows: Vec<AnyView> = rules.iter().enumerate().map(|(n, rule)| row(call, project, (n, rules.len()), rule, seen, may)).collect();
    let list = match rows.is_empty() {
        true => view! { <p>"No rule yet: nothing is removed by itself."</p> }.into_any(),
        false => {
            let headings = view! {
                <th scope="col" class="num">"Rule"</th><th scope="col">"What it keeps"</th><th scope="col" class="p2">"State"</th>{actions_heading()}
            };
            table("", headings, rows)
        }
    };
    let new = (may && rules.len() < MOST).then(|| view! { <a class="button" href=paths::retention_rule_new(project)>"New rule"</a> });
    let with = |dry: bool| vec![("project", project.to_string()), ("dry_run", dry.to_string())];
    let run = (!rules.is_empty() && frame.may(Action::RetentionOperate) && !under_way).then(|| view! {
        {call.button::<forms::StartRetention>(with(true), "Dry run").into_render()}
        <a class="button" href=paths::retention_start(project)>"Run now…"</a>
    });
    let settings = policy.as_ref().filter(|policy| !policy.rules.is_empty()).map(|policy| settings(call, project, policy, may));
    let view = view! {
        <section class="stack" id="retention">
            <h2>"Tag retention"</h2>
            <p class="note">"What any rule keeps stays, with its signatures and everything else attached. What a run removes goes to Deleted and can be brought back. "
                "An immutable tag is stronger than any rule here."</p>
            {list}
            <div class="form__buttons">{new}{run}</div>
            {settings}
            {history(call, project, &f, runs)}
        </section>
    };
    Ok((view.into_any(), under_way))
}

fn row(call: &Call, project: &ProjectName, (n, all): (usize, usize), rule: &RetentionRule, seen: i64, may: bool) -> AnyView {
    let with = |act: &str| vec![("project", project.to_string()), ("place", n.to_string()), ("seen", seen.to_string()), ("act", act.to_owned())];
    let (switch, words) = if rule.disabled { ("enable", "Enable") } else { ("disable", "Disable") };
    let name = format!("rule {}", n + 1);
    let actions = may.then(|| view! {
        <span class="row-actions">
            {(n > 0).then(|| call.button::<forms::ChangeRetentionRule>(with("up"), "Up").quiet().more(name.clone()).into_render())}
            {(n + 1 < all).then(|| call.button::<forms::ChangeRetentionRule>(with("down"), "Down").quiet().more(name.clone()).into_render())}
            {call.button::<forms::ChangeRetentionRule>(with(switch), words).quiet().more(name.clone()).into_render()}
            <a class="button button--quiet button--small" href=paths::retention_rule(project, n + 1)>"Edit"<span class="sr">{format!(" {name}")}</span></a>
        </span>
    });
    let state = if rule.disabled { pill(Tone::Neutral, "", "Disabled") } else { pill(Tone::Ok, "check", "In force") };
    view! {
        <tr class="tall" data-key=format!("{n} {}", rule.sentence())>
            <td class="num">{n + 1}</td><td>{format!("{}.", rule.sentence())}</td><td class="p2">{state}</td><td class="row-end">{actions}</td>
        </tr>
    }
    .into_any()
}

/// What becomes of artifacts that no rule takes, as choices.
fn uncovered_choices() -> Vec<(String, String)> {
    vec![
        (Uncovered::Keep.key().to_owned(), "stay".to_owned()),
        (Uncovered::Remove.key().to_owned(), "are removed too, in every repository that a rule reaches".to_owned()),
    ]
}

fn settings(call: &Call, project: &ProjectName, policy: &RetentionPolicy, may: bool) -> AnyView {
    let schedule = policy.schedule.as_ref();
    let due = due(schedule, call.me.now);
    if !may {
        let rest = if policy.uncovered == Uncovered::Keep { "stay" } else { "are removed too" };
        return view! { <p>{format!("Artifacts that no rule takes {rest}. ")}{due}</p> }.into_any();
    }
    let cron = schedule.map(|schedule| schedule.cron.clone()).unwrap_or_default();
    let mut choices: Vec<(String, String)> = WORDS.iter().map(|(word, _, words)| ((*word).to_owned(), (*words).to_owned())).collect();
    choices.push(("Custom".to_owned(), "By a cron pattern".to_owned()));
    let form = call.form::<forms::SetRetention>().with(vec![("project", project.to_string()), ("seen", policy.updated_at.0.to_string())]);
    let body = form.of(view! {
        {form.choice("uncovered", "Artifacts that no rule takes", uncovered_choices()).value(policy.uncovered.key())}
        {form.choice("when", "It runs", choices).value(kind(&cron))}
        {form.text("cron", "Cron pattern").value(cron).help("For a pattern of your own: second minute hour day month weekday, in UTC; the second is 0.")}
        {buttons("Save")}
    });
    view! { <div class="card pad stack"><h3>"What no rule covers, and when it runs"</h3><p>{due}</p>{body}</div> }.into_any()
}

fn due(schedule: Option<&Schedule>, now: Stamp) -> AnyView {
    match schedule.and_then(|schedule| schedule.next) {
        Some(next) if next.0 > now.0 => view! { "The next run is due "{time(next, now)}"." }.into_any(),
        Some(_) => "The next run is due now.".into_any(),
        None => "It runs only when it is started here.".into_any(),
    }
}

/// A run in one line.
pub fn outcome(run: &RetentionRun) -> String {
    let sums = run.sums;
    let held = if sums.held > 0 { format!(", {} held", grouped(sums.held)) } else { String::new() };
    let rest = if sums.uncovered > 0 { format!(", {} not covered", grouped(sums.uncovered)) } else { String::new() };
    let done = if run.dry_run { "would go" } else { "removed" };
    format!("{} {done} ({}), {} kept{rest}{held}", count(sums.removed, "artifact"), bytes(sums.bytes), grouped(sums.kept))
}

fn history(call: &Call, project: &ProjectName, f: &ListAddress, runs: model::Page<RetentionRun>) -> AnyView {
    if runs.items.is_empty() {
        return ().into_any();
    }
    let now = call.me.now;
    let rows = runs.items.iter().map(|run| {
        let dry = run.dry_run.then(|| pill(Tone::Neutral, "", "Dry run"));
        view! {
            <tr data-key=run.id.to_string()>
                <td><a href=paths::retention_run(project, run.id)>{format!("Run {}", run.id)}</a>" "{dry}</td>
                <td>{run_status(run.status)}</td>
                <td>{outcome(run)}</td>
                <td class="p2">{run.trigger.label()}</td>
                <td class="p2">{time(run.started_at, now)}</td>
                <td class="num p2">{duration(run.ended_at.unwrap_or(now).0 - run.started_at.0)}</td>
            </tr>
        }
        .into_any()
    });
    let headings = view! {
        <th scope="col">"Run"</th><th scope="col">"Status"</th><th scope="col">"Outcome"</th><th scope="col" class="p2">"Trigger"</th>
        <th scope="col" class="p2">"Started"</th><th scope="col" class="num p2">"Duration"</th>
    };
    view! { <h3>"Runs"</h3>{table("", headings, rows.collect())}{pager(f, runs.next)} }.into_any()
}

fn way(project: &ProjectName, last: &str) -> Vec<(String, String)> {
    super::way(&Owner::Project(project.clone()), last)
}

/// Before a run that is no dry one: what it would remove now.
pub async fn start(call: &Call) -> Shown {
    let project = call.project()?;
    let policy = retention::get(&call.ctx, &call.who, &project).await?.ok_or_else(|| UiError::NotFound("a retention policy".to_owned()))?;
    let input = retention::Input { rules: policy.rules, uncovered: Some(policy.uncovered), cron: None, seen: None };
    let ahead = retention::foresee(&call.ctx, &call.who, &project, &input).await?;
    let form = call.form::<forms::StartRetention>().with(vec![("project", project.to_string()), ("dry_run", "false".to_owned())]);
    let kept = match call.ctx.settings.recycle {
        0 => "This server keeps nothing for an undo: it cannot be brought back.".to_owned(),
        _ => format!("It can be brought back for {} under Deleted.", crate::pages::deletions::kept_for(call, &project).await),
    };
    let mut says = vec![foreseen_said(&ahead)];
    says.extend(emptied_said(&ahead));
    says.push(kept);
    let page = Page::new("Run retention now?").way(way(&project, "Run now")).purpose(format!("In {project}."));
    Ok(page.body(confirm(&form, says, (), "Remove", paths::policy(&project))))
}

fn foreseen_said(ahead: &Foreseen) -> String {
    let (sums, about) = (ahead.sums, if ahead.more { "About " } else { "" });
    let held = match sums.held {
        0 => String::new(),
        n => format!(", {} held by immutable tags or by indexes that stay", grouped(n)),
    };
    format!(
        "{about}{} would be removed now; {} kept by a rule, {} not covered and kept{held}; {} reached.",
        count(sums.removed, "artifact"), grouped(sums.kept), grouped(sums.uncovered), count(ahead.repositories, "repository"),
    )
}

fn emptied_said(ahead: &Foreseen) -> Option<String> {
    (!ahead.emptied.is_empty()).then(|| format!("Nothing at all would be left in {}.", ahead.emptied.join(", ")))
}

pub async fn rule_new(call: &Call) -> Shown {
    let project = call.project()?;
    let policy = retention::get(&call.ctx, &call.who, &project).await?;
    rule_page(call, project, policy, None).await
}

pub async fn rule_edit(call: &Call) -> Shown {
    let (project, number) = (call.project()?, call.param::<usize>("number", "rule")?);
    let policy = retention::get(&call.ctx, &call.who, &project).await?;
    let missing = || UiError::NotFound(format!("rule {number}"));
    if number == 0 || policy.as_ref().is_none_or(|policy| policy.rules.len() < number) {
        return Err(missing());
    }
    rule_page(call, project, policy, Some(number - 1)).await
}

async fn rule_page(call: &Call, project: ProjectName, policy: Option<RetentionPolicy>, place: Option<usize>) -> Shown {
    let rule = place.and_then(|place| policy.as_ref()?.rules.get(place).cloned());
    let seen = policy.as_ref().map_or(0, |policy| policy.updated_at.0);
    let title = place.map_or("New retention rule".to_owned(), |place| format!("Retention rule {}", place + 1));
    let modes = || vec![("matches".to_owned(), "matching".to_owned()), ("excludes".to_owned(), "other than".to_owned())];
    let first = |of: Of| rule.as_ref().map_or(("", false), |rule| rule.selector.first(of));
    let mode = |of: Of| if first(of).1 { "excludes" } else { "matches" };
    let templates = Template::OFFERED.into_iter().chain(rule.as_ref().map(|rule| rule.template).filter(|used| !Template::OFFERED.contains(used)));
    let templates = templates.map(|template| (template.harbor().to_owned(), template.label().to_owned())).collect();
    let with = vec![("project", project.to_string()), ("place", place.map_or(String::new(), |place| place.to_string())), ("seen", seen.to_string())];
    let form = call.form::<forms::SaveRetentionRule>().beside(call.form::<forms::PreviewRetention>()).with(with).preview(call.at::<forms::PreviewRetention>());
    let number = rule.as_ref().map_or(10, |rule| rule.number);
    // Of a new policy it is asked with its first rule.
    let rest = policy.is_none().then(|| form.choice("uncovered", "Artifacts that no rule takes", uncovered_choices()).into_render());
    let untagged = rule.as_ref().is_none_or(RetentionRule::takes_untagged);
    let labels = |excludes: bool| rule.as_ref().map_or(String::new(), |rule| rule.selector.labels(excludes));
    let known = match domain::labels::usable(&call.ctx, &call.who, &project).await?.as_slice() {
        [] => "There is no label yet, neither of this project nor for all.".to_owned(),
        all => {
            let names: Vec<&str> = all.iter().take(NAMED).map(|label| label.input.name.as_str()).collect();
            format!("Labels that there are: {}{}", names.join(", "), if all.len() > NAMED { ", and more." } else { "." })
        }
    };
    let body = form.of(view! {
        <div class="sentence">
            <div class="form--row">
                {form.choice("repository_mode", "In repositories", modes()).value(mode(Of::Repository))}
                {form.text("repositories", "the repository pattern").value(first(Of::Repository).0).placeholder("**")
                    .help("Over the repository's name in this project: * within a component, ** across them. Empty: all.")}
            </div>
            <div class="form--row">
                {form.choice("template", "keep", templates).value(rule.as_ref().map_or(Template::LatestPushed, |rule| rule.template).harbor())}
                {form.number("number", "how many").value(number.to_string()).help("Artifacts or days; it counts nothing where all are kept.")}
            </div>
            <div class="form--row">
                {form.choice("tag_mode", "of artifacts with tags", modes()).value(mode(Of::Tag))}
                {form.text("tags", "the tag pattern").value(first(Of::Tag).0).placeholder("v*, release-*").help("Several are separated by commas. Empty: every tag.")}
            </div>
            {form.tick("untagged", "and of artifacts without a tag").ticked(untagged)}
            <div class="form--row">
                {form.text("label", "only those with the labels").value(labels(false)).placeholder("stable")
                    .help("All of these, separated by commas. Empty: whatever they carry.")}
                {form.text("without_label", "and with none of the labels").value(labels(true)).placeholder("experimental")}
            </div>
            <p class="note">{known}</p>
        </div>
        {rest}
        {ahead(call)}
        {form.tick("disabled", "Disabled: it keeps nothing for now").ticked(rule.as_ref().is_some_and(|rule| rule.disabled))}
        {buttons("Save rule").beside(call.at::<forms::PreviewRetention>(), "Show what would go").cancel(paths::policy(&project))}
    });
    let end = place.map(|place| view! {
        <section class="card pad"><h2>"Delete this rule"</h2>{ask(paths::delete_of(&paths::retention_rule(&project, place + 1)), "Delete rule…")}</section>
    });
    Ok(Page::new(&title).way(way(&project, &title)).body(view! { <section class="card pad">{body}</section>{end} }))
}

/// Before a rule is deleted: what the policy would do without it.
pub async fn rule_delete(call: &Call) -> Shown {
    let (project, number) = (call.project()?, call.param::<usize>("number", "rule")?);
    let missing = || UiError::NotFound(format!("rule {number}"));
    let policy = retention::get(&call.ctx, &call.who, &project).await?.ok_or_else(missing)?;
    let place = number.checked_sub(1).filter(|place| *place < policy.rules.len()).ok_or_else(missing)?;
    let mut rules = policy.rules.clone();
    let rule = rules.remove(place);
    let input = retention::Input { rules, uncovered: None, cron: None, seen: None };
    let ahead = retention::foresee(&call.ctx, &call.who, &project, &input).await?;
    let with = vec![
        ("project", project.to_string()), ("place", place.to_string()), ("seen", policy.updated_at.0.to_string()), ("act", "delete".to_owned()),
    ];
    let form = call.form::<forms::ChangeRetentionRule>().with(with);
    let mut says = vec![format!("Without it a run would do this: {}", foreseen_said(&ahead))];
    says.extend(emptied_said(&ahead));
    let page = Page::new(format!("Delete rule {number}?")).way(way(&project, "Delete rule")).purpose(format!("{}.", rule.sentence()));
    Ok(page.body(confirm(&form, says, (), "Delete rule", paths::retention_rule(&project, number))))
}

/// What the policy with the typed rule would do now.
fn ahead(call: &Call) -> AnyView {
    let body = match call.answer::<forms::PreviewRetention>() {
        Some(Answer::Foreseen(ahead)) => view! {
            <p class="note">{format!("With this rule: {}", foreseen_said(ahead))}</p>
            {emptied_said(ahead).map(|words| view! { <p class="note note--bad">{words}</p> })}
        }
        .into_any(),
        _ => ().into_any(),
    };
    view! { <div id="preview" class="preview" aria-live="polite">{body}</div> }.into_any()
}

//! The form of a rule reads as a sentence, with a line of what it matches that follows what is typed.

use super::{forms, way};
use crate::Answer;
use crate::pages::prelude::*;
use model::RuleId;
use model::accessory::Kind;
use model::selector::Clause;
use model::replication::rule::{Rule, RuleInput};
use model::stamp::count;

pub async fn new(call: &Call) -> Shown {
    page(call, None).await
}

pub async fn edit(call: &Call) -> Shown {
    let id = call.param::<RuleId>("id", "replication rule")?;
    page(call, Some(domain::replication::rules::get(&call.ctx, &call.who, id).await?)).await
}

async fn page(call: &Call, rule: Option<Rule>) -> Shown {
    let targets = domain::replication::targets::list(&call.ctx, &call.who, &model::list::Query::all(1000)).await?.items;
    let title = rule.as_ref().map_or("New replication rule".to_owned(), |rule| format!("Edit {}", rule.input.name));
    let page = Page::new(&title).way(way(&title));
    if targets.is_empty() {
        let new = view! { <a class="button button--primary" href=paths::target_new()>"New target registry"</a> };
        return Ok(page.body(empty("A target registry comes first", "A rule pushes to a target registry, and there is none yet.", new)));
    }
    let options = |all: &[(&str, &str)]| all.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect::<Vec<_>>();
    let modes = options(&[("matches", "matching"), ("excludes", "excluding")]);
    let flatten = options(&[
        ("0", "keep the whole source path"),
        ("1", "replace the first component"),
        ("2", "replace the first two"),
        ("3", "replace the first three"),
        ("-1", "keep only the last component"),
    ]);
    let resources = options(&[("", "everything"), ("image", "images"), ("chart", "Helm charts")]);
    let targets = targets.iter().map(|target| (target.id.to_string(), format!("{} ({})", target.name, target.url))).collect();
    let input = rule.as_ref().map(|rule| &rule.input);
    let text = |get: fn(&RuleInput) -> String| input.map(get).unwrap_or_default();
    let id = rule.as_ref().map_or(0, |rule| rule.id.0).to_string();
    let back = rule.as_ref().map_or_else(paths::rules, |rule| paths::rule(rule.id));
    let form = call.form::<forms::Save>().beside(call.form::<forms::Preview>()).with(vec![("id", id)]).preview(call.at::<forms::Preview>());
    Ok(page.body(view! {
        <section class="card pad">
            {form.of(view! {
                {form.text("name", "Name").required().focus().value(text(|rule| rule.name.clone()))
                    .help("Lower-case letters and digits, separated by single dots, dashes or underscores.")}
                {form.area("description", "Description", 2).value(text(|rule| rule.description.clone()))}
                <div class="sentence">
                    <h2>"Push"</h2>
                    {form.choice("resource", "what", resources).value(text(|rule| rule.resource.key().to_owned()))}
                    {form.text("repositories", "repositories matching").value(text(|rule| rule.repositories.clone())).placeholder("cosign/**")
                        .help("A pattern over project/repository: * within a component, ** across them, {a,b} alternatives. Empty: all.")}
                    <div class="form--row">
                        {form.choice("tag_mode", "with tags", modes).value(text(|rule| rule.tag_mode.key().to_owned()))}
                        {form.text("tags", "the pattern").value(text(|rule| rule.tags.clone())).placeholder("v*").help("Empty: every tag, and also what has none.")}
                    </div>
                    {form.area("further", "and all of these", 2).value(text(|rule| Clause::lines(&rule.further))).placeholder("tag excludes *-rc*")
                        .help("One a line: name, tag, resource or label, then matches or excludes, then the pattern, or a label's name.")}
                    <h2>"to"</h2>
                    {form.choice("target_id", "the target registry", targets).value(text(|rule| rule.target_id.to_string()))}
                    <div class="form--row">
                        {form.text("namespace", "under the namespace").value(text(|rule| rule.namespace.clone()))
                            .help("A project there, or project and path. Empty: the same path as here.")}
                        {form.choice("flatten", "where it would", flatten).value(text(|rule| rule.flatten.to_string()))}
                    </div>
                    <h2>"manually."</h2>
                </div>
                {matches(call)}
                {form.tick("overwrite", "Replace tags that name something else there").ticked(input.is_none_or(|rule| rule.overwrite))}
                {form.tick("removes", "Remove there what was deleted here").ticked(input.is_some_and(|rule| rule.removes))
                    .help("Only what this rule put there, when the whole rule runs; more than a tenth of it only after asking.")}
                {form.text("speed", "At most, in KB a second").value(text(|rule| if rule.speed > 0 { rule.speed.to_string() } else { String::new() }))
                    .help("All artifacts of the rule share it. Empty: as fast as it goes.")}
                {accepted(&form, input)}
                {form.tick("chunked", "Send blobs in chunks").ticked(input.is_some_and(|rule| rule.chunked))}
                {form.tick("enabled", "Enabled").ticked(input.is_none_or(|rule| rule.enabled))}
                {buttons("Save replication rule").beside(call.at::<forms::Preview>(), "Show what it matches").cancel(back)}
            })}
        </section>
    }))
}

/// What may stay behind.
fn accepted(form: &Form, input: Option<&RuleInput>) -> AnyView {
    let before = || input.map(|rule| rule.accepts.iter().map(|kind| kind.key().to_owned()).collect()).unwrap_or_default();
    let ticked: Vec<String> = form.all_typed("accepts[]").unwrap_or_else(before);
    let ticks = Kind::ALL.map(|kind| {
        let checked = ticked.iter().any(|key| key == kind.key());
        view! { <label class="tick"><input type="checkbox" name="accepts[]" value=kind.key() checked=checked/><span>{kind.label()}</span></label> }
    });
    view! {
        <fieldset class="field" id="accepts">
            <legend>"May stay behind, where the destination takes none"</legend>
            <p class="field__help">"An artifact counts as arrived without these; the log of the run that copied it says what stayed behind."</p>
            {ticks.into_iter().collect_view()}
        </fieldset>
    }
    .into_any()
}

fn matches(call: &Call) -> AnyView {
    let body = match call.answer::<forms::Preview>() {
        Some(Answer::Preview(preview)) if preview.artifacts == 0 => view! { <p class="note note--warn">"It matches nothing now."</p> }.into_any(),
        Some(Answer::Preview(preview)) => {
            let examples = preview.examples.iter().map(|(from, to)| view! { <li><code>{from.clone()}</code>" → "<code>{to.clone()}</code></li> });
            let (artifacts, repositories) = (count(preview.artifacts, "artifact"), count(preview.repositories, "repository"));
            view! {
                <p class="note">{format!("It matches {artifacts} in {repositories} now:")}</p>
                <ul class="links">{examples.collect_view()}</ul>
                {(preview.collided > 0).then(|| {
                    let collisions = preview.collisions.iter().map(|text| view! { <li>{text.clone()}</li> });
                    view! {
                        <p class="note note--warn">{format!("{} would be written by two sources and fail:", count(preview.collided, "artifact"))}</p>
                        <ul class="links">{collisions.collect_view()}</ul>
                    }
                })}
            }
            .into_any()
        }
        _ => ().into_any(),
    };
    view! { <div id="preview" class="preview" aria-live="polite">{body}</div> }.into_any()
}

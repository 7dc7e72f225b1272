//! Saving and deleting labels, and putting them on artifacts.

use super::place;
use crate::answer::act;
use crate::pages::owner;
use crate::{Answer, paths};
use domain::artifacts::Reference;
use domain::labels;
use model::label::LabelInput;
use model::{Digest, LabelId, ProjectName, RepositoryName};

act! {
    /// Makes a label, or changes the one with `id`.
    "/fn/label/save" Save { #[serde(default)] project: String, #[serde(default)] id: i64, name: String, description: String, #[serde(default)] color: String }
    |form, call| {
        let owner = owner::read(&form.project)?;
        let input = LabelInput { name: form.name, description: form.description, color: form.color };
        match form.id {
            0 => drop(labels::create(&call.ctx, &call.who, &owner, input).await?),
            id => labels::update(&call.ctx, &call.who, LabelId(id), input).await?,
        }
        Ok(Answer::done(place(&owner), "The label was saved."))
    }
}

act! {
    "/fn/label/delete" Delete { #[serde(default)] project: String, id: LabelId }
    |form, call| {
        let owner = owner::read(&form.project)?;
        labels::delete(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(place(&owner), "The label was deleted."))
    }
}

act! {
    /// Puts a label on an artifact, or takes it off.
    "/fn/label/put" Put { project: ProjectName, repository: RepositoryName, digest: Digest, label: LabelId, #[serde(default)] off: bool }
    |form, call| {
        let (ctx, who, reference) = (&call.ctx, &call.who, Reference::Digest(form.digest.clone()));
        let said = match form.off {
            true => { labels::take_off(ctx, who, &form.project, &form.repository, &reference, form.label).await?; "The label was taken off." }
            false => { labels::put(ctx, who, &form.project, &form.repository, &reference, form.label).await?; "The label was put on." }
        };
        Ok(Answer::done(paths::artifact(&form.project, &form.repository, &form.digest), said))
    }
}

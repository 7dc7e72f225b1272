//! Deleting and replicating an artifact, and its tags.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::artifacts::Reference;
use model::{ArtifactId, Digest, Problems, ProjectName, RepositoryName, RuleId, Tag};

act! {
    "/fn/artifact/delete" Delete { project: ProjectName, repository: RepositoryName, digest: Digest }
    |form, call| {
        let reference = Reference::Digest(form.digest);
        let plan = domain::artifacts::delete(&call.ctx, &call.who, &form.project, &form.repository, &reference).await?;
        let also = match plan.accessories.len() {
            0 => String::new(),
            n => format!(" with {n} accessor{}", if n == 1 { "y" } else { "ies" }),
        };
        let undo = match plan.kept_for {
            0 => String::new(),
            _ => format!(" Undo it under Deleted, for {}.", crate::pages::deletions::kept_for(call, &form.project).await),
        };
        let unsigned: String = plan.unsigned.iter().map(|digest| format!(" {} counts as unsigned now.", digest.short())).collect();
        let say = format!("{} was deleted{also}.{unsigned}{undo}", plan.digest.short());
        Ok(Answer::done(paths::repository(&form.project, &form.repository), say))
    }
}

act! {
    "/fn/artifact/delete-many" DeleteMany { project: ProjectName, repository: RepositoryName, #[serde(default)] digests: Vec<Digest> }
    |form, call| {
        let done = domain::artifacts::delete_many(&call.ctx, &call.who, &form.project, &form.repository, &form.digests).await?;
        let mut say = format!("{} deleted.", match done.deleted {
            1 => "1 artifact was".to_owned(),
            n => format!("{n} artifacts were"),
        });
        if let Some((digest, why)) = done.left.first() {
            say.push_str(&format!(" {} stayed; {}: {why}.", done.left.len(), digest.short()));
        }
        if done.deleted > 0 && call.ctx.settings.recycle > 0 {
            say.push_str(&format!(" Undo it under Deleted, for {}.", crate::pages::deletions::kept_for(call, &form.project).await));
        }
        Ok(Answer::done(paths::repository(&form.project, &form.repository), say))
    }
}

act! {
    "/fn/artifact/copy" Copy { project: ProjectName, repository: RepositoryName, digest: Digest, to: String }
    |form, call| {
        let to = model::name::split_full(form.to.trim()).map_err(|what| UiError::Wrong(Problems::one("to", what)))?;
        let from = (&form.project, &form.repository);
        let digest = domain::artifacts::copy(&call.ctx, &call.who, from, &Reference::Digest(form.digest), (&to.0, &to.1)).await?;
        Ok(Answer::done(paths::artifact(&to.0, &to.1, &digest), format!("It was copied from {}/{}.", form.project, form.repository)))
    }
}

act! {
    "/fn/tag/create" AddTag {
        project: ProjectName,
        repository: RepositoryName,
        digest: Digest,
        name: String,
        #[serde(default)] may_move: bool,
    }
    |form, call| {
        let to = paths::artifact(&form.project, &form.repository, &form.digest);
        let (project, repository, reference) = (&form.project, &form.repository, Reference::Digest(form.digest));
        domain::artifacts::add_tag(&call.ctx, &call.who, project, repository, &reference, &form.name, form.may_move).await?;
        Ok(Answer::done(to, format!("The tag {} names it now.", form.name)))
    }
}

act! {
    "/fn/tag/delete" DeleteTag { project: ProjectName, repository: RepositoryName, digest: Digest, tag: Tag }
    |form, call| {
        let done = domain::artifacts::delete_tag(&call.ctx, &call.who, &form.project, &form.repository, &form.tag, Some(&form.digest)).await?;
        let (to, stays) = match done.goes {
            true => (paths::repository(&form.project, &form.repository), "and with it the list of referrers that it named."),
            false => (paths::artifact(&form.project, &form.repository, &form.digest), "the artifact stays."),
        };
        let mut say = format!("The tag {} was removed; {stays}", form.tag);
        for digest in &done.unsigned {
            say.push_str(&format!(" {} counts as unsigned now.", digest.short()));
        }
        if call.ctx.settings.recycle > 0 {
            say.push_str(&format!(" Undo it under Deleted, for {}.", crate::pages::deletions::kept_for(call, &form.project).await));
        }
        Ok(Answer::done(to, say))
    }
}

act! {
    "/fn/artifact/replicate" Replicate { rule: RuleId, artifact: ArtifactId }
    |form, call| {
        let id = domain::replication::executions::start(&call.ctx, &call.who, form.rule, Some(form.artifact)).await?;
        Ok(Answer::done(paths::execution(form.rule, id), "Replication has started."))
    }
}

//! Starting, stopping and retrying executions.

use crate::answer::act;
use crate::{Answer, paths};
use domain::replication::{executions, removals};
use model::{ExecutionId, RuleId};

act! {
    "/fn/rule/execute" Execute { rule: RuleId }
    |form, call| {
        let id = executions::start(&call.ctx, &call.who, form.rule, None).await?;
        Ok(Answer::done(paths::execution(form.rule, id), "Replication has started."))
    }
}

act! {
    "/fn/execution/stop" Stop { rule: RuleId, id: ExecutionId }
    |form, call| {
        executions::stop(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::execution(form.rule, form.id), "The execution is stopping."))
    }
}

act! {
    "/fn/execution/retry" Retry { id: ExecutionId }
    |form, call| {
        let rule = executions::get(&call.ctx, &call.who, form.id).await?.rule_id;
        let again = executions::retry(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::execution(rule, again), "What failed is tried again."))
    }
}

act! {
    /// A new execution that removes at the destination what this one left.
    "/fn/execution/allow-removals" AllowRemovals { id: ExecutionId }
    |form, call| {
        let rule = executions::get(&call.ctx, &call.who, form.id).await?.rule_id;
        let again = removals::allow(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::execution(rule, again), "The rule runs again, and removes there what was deleted here."))
    }
}

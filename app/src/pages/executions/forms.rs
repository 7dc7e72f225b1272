//! Starting, stopping and retrying executions.

use crate::{Act, Answer, Call, UiError, paths};
use domain::executions;
use model::{ExecutionId, RuleId};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Execute {
    rule: RuleId,
}

impl Act for Execute {
    const AT: &'static str = "/fn/rule/execute";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let id = executions::start(&call.ctx, &call.who, self.rule, None).await?;
        Ok(Answer::done(paths::execution(self.rule, id), "Replication has started."))
    }
}

#[derive(Deserialize)]
pub struct Stop {
    rule: RuleId,
    id: ExecutionId,
}

impl Act for Stop {
    const AT: &'static str = "/fn/execution/stop";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        executions::stop(&call.ctx, &call.who, self.id).await?;
        Ok(Answer::done(paths::execution(self.rule, self.id), "The execution is stopping."))
    }
}

#[derive(Deserialize)]
pub struct Retry {
    id: ExecutionId,
}

impl Act for Retry {
    const AT: &'static str = "/fn/execution/retry";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let rule = executions::get(&call.ctx, &call.who, self.id).await?.rule_id;
        let again = executions::retry(&call.ctx, &call.who, self.id).await?;
        Ok(Answer::done(paths::execution(rule, again), "What failed is tried again."))
    }
}

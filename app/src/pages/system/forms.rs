//! Forgiving failed sign-ins.

use crate::answer::act;
use crate::{Answer, paths};

act! {
    "/fn/sign-in/unlock" Unlock { key: String }
    |form, call| {
        domain::identity::unlock(&call.ctx, &call.who, &form.key).await?;
        Ok(Answer::done(paths::knocking(), "Its next sign-in is checked at once."))
    }
}

//! Everything that Harbor's clients may grant a robot account, by name: what this server has is an [`crate::Action`]; the rest is kept
//! as it was sent, reads back, and gives nothing.

/// Resources, and what may be done with each: Harbor 2.9 to 2.14, robot accounts of the system and of projects together.
const KNOWN: &[(&str, &str)] = &[
    ("accessory", "list read create delete"),
    ("artifact", "read create delete list block"),
    ("artifact-addition", "read"),
    ("artifact-label", "create delete list"),
    ("audit-log", "list"),
    ("catalog", "read"),
    ("configuration", "read update"),
    ("export-cve", "read create list"),
    ("garbage-collection", "read create list update stop"),
    ("helm-chart", "read create delete list"),
    ("helm-chart-version", "read create delete list"),
    ("helm-chart-version-label", "create delete"),
    ("immutable-tag", "create delete list update read"),
    ("jobservice-monitor", "list stop"),
    ("label", "read create delete list update"),
    ("ldap-user", "create list"),
    ("log", "list"),
    ("member", "read create delete list update"),
    ("metadata", "read create delete list update"),
    ("notification-policy", "read create delete list update"),
    ("preheat-instance", "read create delete list update"),
    ("preheat-policy", "read create delete list update"),
    ("project", "read create delete list update"),
    ("purge-audit", "read create list update stop"),
    ("quota", "read list update"),
    ("registry", "read create delete list update"),
    ("replication", "read create list"),
    ("replication-adapter", "list"),
    ("replication-policy", "read create delete list update"),
    ("repository", "read create delete list update pull push"),
    ("robot", "read create delete list update"),
    ("sbom", "read create stop"),
    ("scan", "read create stop"),
    ("scan-all", "read create update stop"),
    ("scanner", "read create delete list update"),
    ("security-hub", "read list"),
    ("system-volumes", "read"),
    ("tag", "create delete list read update"),
    ("tag-retention", "read create delete list update operate"),
    ("user", "read create delete list update"),
    ("user-group", "read create delete list update"),
];

/// Can Harbor grant this?
pub fn is_known(resource: &str, verb: &str) -> bool {
    KNOWN.iter().any(|(name, verbs)| *name == resource && verbs.split(' ').any(|known| known == verb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;

    #[test]
    fn what_this_server_has_is_known_and_typing_errors_are_not() {
        for action in Action::ALL.iter().filter(|action| action.robot_may_hold()) {
            assert!(is_known(action.resource(), action.verb()), "{}", action.name());
        }
        for (resource, verb) in [("repository", "pusch"), ("repositories", "push"), ("", ""), ("scan", ""), ("scan", "read create"), ("scan", "delete")] {
            assert!(!is_known(resource, verb), "{resource}:{verb}");
        }
        assert!(is_known("scan", "create") && is_known("helm-chart", "read") && is_known("label", "create") && is_known("quota", "read"));
    }
}

//! Kinds of target registries: what one is called, where it is reached, and what its form asks for.

use serde::{Deserialize, Serialize};

/// What stands at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// Speaks `/api/v2.0`, so projects can be prepared there.
    #[serde(rename = "harbor")]
    Harbor,
    /// Any registry that speaks the OCI distribution specification.
    #[serde(rename = "docker-registry")]
    Registry,
    #[serde(rename = "docker-hub")]
    DockerHub,
    #[serde(rename = "github-ghcr")]
    Ghcr,
    #[serde(rename = "quay")]
    Quay,
    #[serde(rename = "gitlab")]
    Gitlab,
    #[serde(rename = "aws-ecr")]
    Ecr,
    #[serde(rename = "azure-acr")]
    Acr,
    #[serde(rename = "google-gcr")]
    Google,
}

/// What is known of a kind of registry, as its public documentation says.
#[derive(Debug)]
pub struct Profile {
    /// Harbor's adapter name, and the stored form.
    pub key: &'static str,
    pub label: &'static str,
    /// Where it is, if everybody's is at the same place; else how one's own looks.
    pub url: Result<&'static str, &'static str>,
    /// What the credentials are called there, and what they are.
    pub access_id: (&'static str, &'static str),
    pub secret: (&'static str, &'static str),
    /// What a rule's destination must look like.
    pub namespace: &'static str,
}

const PROFILES: [Profile; 9] = [
    Profile {
        key: "harbor",
        label: "Wharf or Harbor",
        url: Err("https://registry.example.com"),
        access_id: ("Access id", "For a robot account its full name, such as robot$replication."),
        secret: ("Secret", "A robot account's secret, or a password."),
        namespace: "The first part is a project there. It is made if the account may.",
    },
    Profile {
        key: "docker-registry",
        label: "Any OCI registry",
        url: Err("https://registry.example.com"),
        access_id: ("Access id", "The name to sign in with; empty where nobody signs in."),
        secret: ("Secret", "The password or token that goes with it."),
        namespace: "",
    },
    Profile {
        key: "docker-hub",
        label: "Docker Hub",
        url: Ok("https://hub.docker.com"),
        access_id: ("Docker ID", "Your name, or your organization's, with its access token."),
        secret: ("Access token", "A personal or organization access token that may read and write; or the password."),
        namespace: "Your Docker ID or organization. Repositories have two parts: let the namespace replace all but the last.",
    },
    Profile {
        key: "github-ghcr",
        label: "GitHub packages (ghcr.io)",
        url: Ok("https://ghcr.io"),
        access_id: ("GitHub user name", "Whose token it is."),
        secret: ("Personal access token", "A classic token with write:packages."),
        namespace: "The owner, a user or an organization, in lower case.",
    },
    Profile {
        key: "quay",
        label: "Quay",
        url: Ok("https://quay.io"),
        access_id: ("Robot account", "As Quay writes it: organization+name."),
        secret: ("Token", "The robot account's."),
        namespace: "The organization. Repositories are made by the first push where the robot may.",
    },
    Profile {
        key: "gitlab",
        label: "GitLab container registry",
        url: Ok("https://registry.gitlab.com"),
        access_id: ("Deploy token's name", "Or your user name, with a personal access token."),
        secret: ("Deploy token", "With write_registry and read_registry."),
        namespace: "The project's path; at most three parts below it.",
    },
    Profile {
        key: "aws-ecr",
        label: "Amazon ECR",
        url: Err("https://ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
        access_id: ("User name", "AWS, as it stands: the password says who you are."),
        secret: ("Password", "What “aws ecr get-login-password” prints. It ends after 12 hours, and this server does not fetch another."),
        namespace: "Repositories must be made there first, or by a creation template.",
    },
    Profile {
        key: "azure-acr",
        label: "Azure container registry",
        url: Err("https://NAME.azurecr.io"),
        access_id: ("Token or application id", "A token's name, or a service principal's id."),
        secret: ("Password", "The token's, or the service principal's secret."),
        namespace: "",
    },
    Profile {
        key: "google-gcr",
        label: "Google Artifact Registry",
        url: Err("https://LOCATION-docker.pkg.dev"),
        access_id: ("User name", "_json_key, as it stands, for a service account's key."),
        secret: ("Key", "The service account's key, the whole JSON file."),
        namespace: "PROJECT/REPOSITORY.",
    },
];

/// Where Docker Hub's registry and its tokens are; what people call it is its website.
const HUB: &str = "https://registry-1.docker.io";
const HUB_TOKENS: &str = "https://auth.docker.io";
const HUB_NAMES: [&str; 5] = ["hub.docker.com", "docker.io", "index.docker.io", "registry.hub.docker.com", "registry-1.docker.io"];

impl Provider {
    pub const ALL: [Provider; 9] = [
        Provider::Harbor, Provider::Registry, Provider::DockerHub, Provider::Ghcr, Provider::Quay, Provider::Gitlab, Provider::Ecr, Provider::Acr,
        Provider::Google,
    ];

    pub fn profile(self) -> &'static Profile {
        &PROFILES[self as usize]
    }

    /// Harbor's adapter name, and the stored form.
    pub fn key(self) -> &'static str {
        self.profile().key
    }

    pub fn label(self) -> &'static str {
        self.profile().label
    }

    /// From Harbor's adapter name.
    pub fn from_key(key: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.key() == key)
    }

    /// The address that is meant where none is said; empty where one must be.
    pub fn usual_url(self) -> &'static str {
        self.profile().url.unwrap_or_default()
    }

    /// Where clients speak to it, of the address that people know it by.
    pub fn endpoint(self, url: &str) -> &str {
        match self {
            Provider::DockerHub if is_at(url, &HUB_NAMES) => HUB,
            _ => url,
        }
    }

    /// Another host that hands out its tokens, where that is known; empty elsewhere.
    pub fn token_server(self, url: &str) -> &'static str {
        match self {
            Provider::DockerHub if self.endpoint(url) == HUB => HUB_TOKENS,
            Provider::Gitlab if is_at(url, &["registry.gitlab.com"]) => "https://gitlab.com",
            _ => "",
        }
    }

    /// May it be a server of one's own, with a certificate of one's own?
    pub fn may_be_own(self) -> bool {
        matches!(self, Provider::Harbor | Provider::Registry | Provider::Quay | Provider::Gitlab)
    }

    /// May its tokens come from a host that only its owner knows?
    pub fn asks_token_server(self) -> bool {
        matches!(self, Provider::Registry | Provider::Gitlab)
    }
}

/// Is the host of this HTTPS address one of these?
fn is_at(url: &str, hosts: &[&str]) -> bool {
    let host = url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
    host.is_some_and(|host| hosts.iter().any(|known| host.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_profile() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_key(provider.key()), Some(provider));
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.key());
        }
    }

    #[test]
    fn docker_hub_is_spoken_to_where_its_registry_is() {
        let hub = Provider::DockerHub;
        for known in ["https://hub.docker.com", "https://Hub.Docker.com/", "https://docker.io", hub.usual_url()] {
            assert_eq!((hub.endpoint(known), hub.token_server(known)), (HUB, HUB_TOKENS), "{known}");
        }
        // A mirror of one's own is left as it is, and its tokens are nobody else's.
        for own in ["https://mirror.example.com", "http://hub.docker.com", "https://hub.docker.com.example", "https://hub.docker.com:444"] {
            assert_eq!((hub.endpoint(own), hub.token_server(own)), (own, ""), "{own}");
        }
        assert_eq!(Provider::Registry.endpoint("https://hub.docker.com"), "https://hub.docker.com");
        assert_eq!(Provider::Gitlab.token_server("https://registry.gitlab.com"), "https://gitlab.com");
        assert_eq!(Provider::Gitlab.token_server("https://registry.example.com"), "");
    }
}

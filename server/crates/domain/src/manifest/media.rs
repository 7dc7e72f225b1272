//! Media types (RFC 6838). They have no case and may carry parameters, so they are compared as [`plain`] says them.

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// OCI image-spec 1.1, "Guidance for an Empty Descriptor".
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.";
/// The config of a cache that BuildKit exported.
pub const BUILD_CACHE: &str = "application/vnd.buildkit.cacheconfig.v0";
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
pub const NOTATION: &str = "application/vnd.cncf.notary.signature";

/// In small letters, without parameters.
pub fn plain(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub fn is_manifest(media_type: &str) -> bool {
    matches!(plain(media_type).as_str(), OCI_MANIFEST | OCI_INDEX | DOCKER_MANIFEST | DOCKER_LIST)
}

pub fn is_image_config(plain: &str) -> bool {
    matches!(plain, "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json")
}

pub fn is_sbom(media_type: &str) -> bool {
    matches!(
        plain(media_type).as_str(),
        "text/spdx"
            | "text/spdx+json"
            | "application/spdx+json"
            | "application/vnd.cyclonedx"
            | "application/vnd.cyclonedx+json"
            | "application/vnd.cyclonedx+xml"
            | "application/vnd.syft+json"
            | "application/vnd.dev.cosign.artifact.sbom.v1+json"
            | "application/vnd.goharbor.harbor.sbom.v1"
    )
}

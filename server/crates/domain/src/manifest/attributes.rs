//! What a configuration says of its image or chart, for rows of lists: Harbor's `extra_attrs`.

use super::media::{HELM_CONFIG, is_image_config, plain};
use super::{Descriptor, Manifest};
use serde_json::Value;

/// Largest configuration that is looked into, and most that is kept of it, in bytes.
const LOOKED_INTO: i64 = 1 << 20;
const MOST_BYTES: usize = 8 * 1024;

/// Members that are kept: of an image's configuration, and of a chart's (helm's Chart.yaml).
const IMAGE: &[&str] = &["architecture", "os", "variant", "created", "author", "config"];
const CHART: &[&str] = &[
    "name", "version", "appVersion", "apiVersion", "description", "type", "home", "icon", "keywords", "maintainers", "sources", "kubeVersion",
    "deprecated", "dependencies", "annotations",
];

/// The configuration that says something, if it is worth reading.
pub fn telling(manifest: &Manifest) -> Option<&Descriptor> {
    let config = manifest.config.as_ref().filter(|config| config.size <= LOOKED_INTO)?;
    let media_type = plain(&config.media_type);
    (is_image_config(&media_type) || media_type == HELM_CONFIG).then_some(config)
}

/// What it says, as a JSON object; `{}` for nothing. What is long is left out, the longest member first.
pub fn attributes(manifest: &Manifest, config: &[u8]) -> String {
    let is_chart = manifest.config.as_ref().is_some_and(|config| plain(&config.media_type) == HELM_CONFIG);
    let Ok(Value::Object(said)) = serde_json::from_slice::<Value>(config) else { return "{}".to_owned() };
    let wanted = if is_chart { CHART } else { IMAGE };
    let kept = said.into_iter().filter(|(name, value)| wanted.contains(&name.as_str()) && !value.is_null());
    let measured = |(name, value): (String, Value)| {
        let length = name.len() + value.to_string().len() + 6;
        (name, value, length)
    };
    let mut kept: Vec<(String, Value, usize)> = kept.map(measured).collect();
    kept.sort_by_key(|(.., length)| *length);
    let mut sum = 2;
    kept.retain(|(.., length)| {
        sum += length;
        sum <= MOST_BYTES
    });
    Value::Object(kept.into_iter().map(|(name, value, _)| (name, value)).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(config: &str) -> Manifest {
        let digest = format!("sha256:{}", "a".repeat(64));
        let text = format!(r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"{digest}","size":9}},"layers":[]}}"#);
        Manifest::parse(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn c_4_8_a_configuration_says_what_it_is() {
        let image = manifest("application/vnd.oci.image.config.v1+json");
        let said = br#"{"os":"linux","architecture":"arm64","created":"2024-05-06T07:08:09Z","author":"ada","history":[1],"config":{"Env":["A=1"]}}"#;
        let read: Value = serde_json::from_str(&attributes(&image, said)).unwrap();
        assert_eq!(read["os"], "linux");
        assert_eq!((&read["author"], &read["config"]["Env"][0], read.get("history")), (&Value::from("ada"), &Value::from("A=1"), None));
        let chart = manifest(HELM_CONFIG);
        let read: Value = serde_json::from_str(&attributes(&chart, br#"{"name":"c","version":"1.2.3+b5","appVersion":"7"}"#)).unwrap();
        assert_eq!((&read["name"], &read["version"], &read["appVersion"]), (&"c".into(), &"1.2.3+b5".into(), &"7".into()));
        assert!(telling(&image).is_some() && telling(&chart).is_some() && telling(&manifest("x/y")).is_none());
        for odd in [&b"[]"[..], b"", b"nonsense", b"null"] {
            assert_eq!(attributes(&image, odd), "{}");
        }
        let long = format!(r#"{{"os":"linux","config":{{"Env":["{}"]}},"author":"a\u0000b"}}"#, "x".repeat(20_000));
        let kept = attributes(&image, long.as_bytes());
        let many = format!("{{{}}}", (0..100_000).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(","));
        assert_eq!(attributes(&chart, many.as_bytes()), "{}", "only what is known, in one go");
        assert!(kept.len() < 100 && kept.contains("linux"), "{kept}");
    }
}

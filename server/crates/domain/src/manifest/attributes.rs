//! What a configuration says of its image or chart, for rows of lists: Harbor's `extra_attrs`.

use super::media::{HELM_CONFIG, is_image_config, plain};
use super::{Descriptor, Manifest};
use serde_json::{Map, Value};

/// Largest configuration that is looked into, and most that is kept of it, in bytes.
const LOOKED_INTO: i64 = 1 << 20;
const KEPT: usize = 8 * 1024;

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
    let mut kept: Map<String, Value> = match is_chart {
        true => said,
        false => {
            let wanted = ["architecture", "os", "variant", "created", "author", "config"];
            said.into_iter().filter(|(name, value)| wanted.contains(&name.as_str()) && !value.is_null()).collect()
        }
    };
    loop {
        let text = Value::Object(kept.clone()).to_string();
        if text.len() <= KEPT {
            return text;
        }
        let Some(longest) = kept.iter().max_by_key(|(_, value)| value.to_string().len()).map(|(name, _)| name.clone()) else {
            return "{}".to_owned();
        };
        kept.remove(&longest);
    }
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
        assert!(kept.len() < 100 && kept.contains("linux"), "{kept}");
    }
}

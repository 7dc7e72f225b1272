//! Every negative test that the project has promised is the name of a test, or a row in `server/docs/negative-tests.md`.

use std::path::Path;

const PROMISED: &[(u32, u32)] = &[
    (2, 3), (6, 10), (12, 12), (17, 17), (28, 32), (37, 43), (45, 45), (47, 52), (54, 54), (61, 63), (70, 92),
    (104, 116), (119, 121), (125, 125), (129, 134), (137, 138), (145, 146), (155, 160),
];

/// The same of bad days: crashes, disks, restarts.
const PROMISED_DAYS: &[(u32, u32)] = &[(1, 6), (8, 18), (25, 26), (28, 31), (33, 33)];

/// The attacks of the first security reading, and the public reports: of the groups that Bulwark mended, then those of Field.
const PROMISED_ATTACKS: &[(u32, u32)] = &[(1, 20)];
const PROMISED_REPORTS: &[&str] = &[
    "1.1", "1.4", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "5.1", "5.2", "5.3", "5.4", "6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "X3",
    "1.2", "1.3", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "4.1", "4.2", "4.3", "4.4",
    "4.5", "4.6", "4.7", "4.8", "4.9", "X1", "X2",
];

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|e| e == "rs") {
            *text += &std::fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn n_134_no_page_writes_raw_html() {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("app/src");
    let mut text = String::new();
    sources(&app, &mut text);
    assert!(text.len() > 50_000);
    assert!(!text.contains("inner_html"), "text goes into pages as text");
}

#[test]
fn every_icon_that_a_page_names_is_drawn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut text = String::new();
    sources(&root.join("app/src"), &mut text);
    let drawn = std::fs::read_to_string(root.join("style/ui/_icon.scss")).unwrap();
    let named: Vec<&str> = text.split("icon(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        assert!(drawn.contains(&format!("\"{name}\": \"M")), "{name} is not drawn");
    }
}

/// A value that Leptos keeps for a later rendering may be gone when another thread reads it: 8 of 101,000 pages under load were
/// a 500. Pages are made in one go from what was read before, so they need none. `.clippy.toml` refuses the types; this, what a macro
/// or a context brings.
#[test]
fn no_page_holds_a_value_that_changes() {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("app");
    let mut text = String::new();
    sources(&app.join("src"), &mut text);
    text += &std::fs::read_to_string(app.join("Cargo.toml")).unwrap();
    for word in [
        "Signal", "Memo", "Resource", "StoredValue", "Effect", "ServerAction", "Suspense", "Suspend", "<Transition", "ErrorBoundary", "<Show", "<For",
        "use_context", "provide_context", "expect_context", "NodeRef", "leptos_router", "leptos_meta", "leptos_axum", "on:click",
    ] {
        assert!(!text.contains(word), "{word} in a page");
    }
}

#[test]
fn every_promised_number_is_a_test_or_is_accounted_for() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    for folder in ["crates", "src", "tests"] {
        sources(&server.join(folder), &mut text);
    }
    let is_test = |line: &&str| ["fn n_", "fn r_", "fn s_", "fn c_", "fn x_"].iter().any(|begin| line.contains(begin));
    let names: String = text.lines().map(str::trim).filter(is_test).collect::<Vec<_>>().join("\n");
    let table = std::fs::read_to_string(server.join("docs/negative-tests.md")).unwrap();
    let missing: Vec<String> = PROMISED
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .filter(|n| !names.contains(&format!("n_{n:03}")) && !table.contains(&format!("| N-{n:03} |")))
        .map(|n| format!("N-{n:03}"))
        .collect();
    let days = PROMISED_DAYS
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .filter(|n| !names.contains(&format!("r_{n:02}")) && !table.contains(&format!("| R-{n:02} |")))
        .map(|n| format!("R-{n:02}"));
    let attacks = PROMISED_ATTACKS
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .filter(|n| !names.contains(&format!("fn s_{n:02}_")) && !table.contains(&format!("| S-{n:02} |")))
        .map(|n| format!("S-{n:02}"));
    let reports = PROMISED_REPORTS
        .iter()
        .filter(|n| {
            let number = n.replace('.', "_");
            let known = match n.strip_prefix('X') {
                None => names.contains(&format!(" c_{number}_")) || names.contains(&format!("_c_{number}_")),
                Some(n) => names.contains(&format!("fn x_{n}_")) || names.contains(&format!("fn x_x{n}_")),
            };
            !known && !table.contains(&format!("| C-{n} |"))
        })
        .map(|n| format!("C-{n}"));
    let missing: Vec<String> = missing.into_iter().chain(days).chain(attacks).chain(reports).collect();
    assert!(missing.is_empty(), "neither tested nor accounted for: {}", missing.join(", "));
}

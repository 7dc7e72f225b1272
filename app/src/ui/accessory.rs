//! What hangs on an artifact: the pill that says so, and the rows of the tree.

use super::{Tone, bytes, digest, icon, pill, time};
use leptos::prelude::*;
use model::Stamp;
use model::accessory::{Attachment, Kind, Node};
use model::artifact::Artifact;

/// "Signed by cosign": present, and by which tool; nobody checked who signed, so it is not green. Of an index that is not signed
/// itself it is said how many of its platforms are.
pub fn signed_pill(artifact: &Artifact) -> AnyView {
    let cosign = artifact.attached.contains(&Kind::CosignSignature);
    let notation = artifact.attached.contains(&Kind::NotationSignature);
    let words = match (cosign, notation) {
        (true, true) => "Signed by cosign and notation".to_owned(),
        (true, false) => "Signed by cosign".to_owned(),
        (false, true) => "Signed by notation".to_owned(),
        (false, false) if artifact.signed_by_index.is_some() => "Signed by its index".to_owned(),
        (false, false) => match artifact.platforms {
            Some(platforms) if platforms.signed > 0 => {
                format!("{} of {} signed", platforms.signed, model::stamp::count(platforms.total, "platform"))
            }
            _ if artifact.accessory.is_some() => return ().into_any(),
            _ => return pill(Tone::Neutral, "", "Unsigned"),
        },
    };
    view! { {pill(Tone::Neutral, "seal", words)}<span class="tree__of">"not verified"</span> }.into_any()
}

fn kind_icon(kind: Kind) -> &'static str {
    match kind {
        Kind::CosignSignature | Kind::NotationSignature => "seal",
        Kind::Attestation => "paper",
        Kind::Sbom => "layers",
        Kind::Report => "warn",
        Kind::Other => "paper",
    }
}

/// The rows of a tree, depth first. `columns` is how many cells a row of the table has; `actions` makes the last one.
pub fn accessory_rows(
    nodes: &[Node],
    now: Stamp,
    href: &dyn Fn(&Node) -> String,
    actions: &dyn Fn(&Node) -> AnyView,
) -> Vec<AnyView> {
    let mut rows = Vec::new();
    walk(nodes, 1, now, href, actions, &mut rows);
    rows
}

fn walk(
    nodes: &[Node],
    depth: usize,
    now: Stamp,
    href: &dyn Fn(&Node) -> String,
    actions: &dyn Fn(&Node) -> AnyView,
    rows: &mut Vec<AnyView>,
) {
    for node in nodes {
        let of = match (&node.platform, depth) {
            (Some(platform), _) => format!("for {platform}"),
            (None, 1) => "for this artifact".to_owned(),
            (None, _) => "for the row above".to_owned(),
        };
        let way = match node.attachment {
            Attachment::Subject => "attached as referrer",
            Attachment::CosignTag => "attached by tag",
            Attachment::IndexChild => "listed by the index",
        };
        let detail = if node.detail.is_empty() { String::new() } else { format!(" · {}", node.detail) };
        rows.push(
            view! {
                <tr class=format!("tree tree--{}", depth.min(4))>
                    <td>
                        <span class="tree__twig">
                            {icon(kind_icon(node.kind))}
                            <span>
                                <a href=href(node)>{node.kind.label()}</a>
                                <span class="tree__of">{format!("{of}{detail} · {way}")}</span>
                            </span>
                        </span>
                    </td>
                    <td>{digest(node.digest.as_str())}</td>
                    <td class="num">{bytes(node.size)}</td>
                    <td class="p2">{time(node.pushed_at, now)}</td>
                    <td class="row-end">{actions(node)}</td>
                </tr>
            }
            .into_any(),
        );
        walk(&node.children, depth + 1, now, href, actions, rows);
    }
}

//! The project and the location of a provider on Google Cloud.

use super::{Reading, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::tree::Tree;
use crate::providers::{Base, Preset, vertex_endpoint};

/// A place on Google Cloud, as far as the document could be read.
#[derive(Default)]
pub(super) struct Place {
    /// What stands in paths behind the version of the API; empty where a key of the express mode says the project.
    pub path: Box<str>,
    /// The base URL there; empty where the kind has none.
    pub endpoint: String,
}

/// Reads both members, which belong together.
pub(super) fn read(reading: &mut Reading<'_>, tree: &Tree, preset: &Preset, path: &Path) -> Place {
    let [project, location] = ["project", "location"].map(|name| (tree.member(name), text_of(tree, name), path.member(name)));
    if preset.base != Base::Vertex {
        for (member, _, path) in [project, location] {
            if member.is_some() {
                reading.faults.add(&path, Fault::NotWith("a kind that is no service of Google Cloud"));
            }
        }
        return Place::default();
    }
    let keyed = tree.member("auth").is_some_and(|auth| auth.member("api_key").is_some());
    if project.0.is_none() && location.0.is_none() && keyed {
        return Place { path: "".into(), endpoint: vertex_endpoint("global") };
    }
    for (member, _, path) in [&project, &location] {
        if member.is_none() {
            reading.faults.add(path, Fault::Missing);
        }
    }
    let (Some(id), Some(at)) = (project.1, location.1) else { return Place::default() };
    let spelt =
        |text: &str, more: &[u8]| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte));
    // Older projects stand below a domain: `example.com:project`.
    if !spelt(id, b"-.:") {
        reading.faults.add(&project.2, Fault::Name(id.to_owned(), "the id of a project is small letters, digits and -"));
    }
    if !spelt(at, b"-") {
        reading.faults.add(&location.2, Fault::Name(at.to_owned(), "a location of Google Cloud is small letters, digits and -"));
    }
    Place { path: format!("/projects/{id}/locations/{at}").into(), endpoint: vertex_endpoint(at) }
}

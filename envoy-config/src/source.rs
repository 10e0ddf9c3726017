//! A document as `weir` reads it: YAML, with the file of prices put in its place, compiled, and as the JSON that the filter gets.

use std::fs;
use std::path::Path;

use weir_core::config::{Document, Tree};

use crate::Problems;

/// One document, read and compiled.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it means.
    pub document: Document,
    /// The text for the filter.
    pub json: String,
}

impl Source {
    /// Reads a document from its file.
    ///
    /// # Errors
    /// The file, its syntax, or every fault of the document.
    pub fn open(path: &Path) -> Result<Self, Problems> {
        let text = fs::read_to_string(path).map_err(|error| Problems::Read(path.to_owned(), error))?;
        Self::parse(&text, path)
    }

    /// Reads a document from its text; `path` is where it would be, for errors and for the files that it names.
    ///
    /// # Errors
    /// Its syntax, or every fault of the document.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Problems> {
        let mut tree = parse_yaml(text, path)?;
        put_prices(&mut tree, path.parent().unwrap_or(Path::new("")))?;
        let document = Document::read(&tree)?;
        // Writing a tree of plain values into memory has no way to fail; should it, the filter would refuse the empty text.
        let json = serde_json::to_string(&tree).unwrap_or_default();
        Ok(Self { document, json })
    }
}

/// Only `true` and `false` are flags: a domain called `off` or a provider called `no` is text.
fn parse_yaml(text: &str, path: &Path) -> Result<Tree, Problems> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).map_err(|error| {
        // Advice for programmers, not for who writes the document.
        let words = error.to_string().replace(", set DuplicateKeyPolicy in Options if acceptable", "");
        Problems::Syntax(path.to_owned(), words.into())
    })
}

/// Replaces `prices.file` by what stands in the file, behind the prices of the document itself, which so come first.
fn put_prices(tree: &mut Tree, folder: &Path) -> Result<(), Problems> {
    let Tree::Object(members) = tree else { return Ok(()) };
    let Some((_, Tree::Object(prices))) = members.iter_mut().find(|(name, _)| name == "prices") else { return Ok(()) };
    let Some(file) = prices.iter().find(|(name, _)| name == "file").and_then(|(_, file)| file.text()) else { return Ok(()) };
    let path = folder.join(file);
    let text = fs::read_to_string(&path).map_err(|error| Problems::Read(path.clone(), error))?;
    let more = match parse_yaml(&text, &path)? {
        Tree::Object(mut members) => match (members.pop(), members.is_empty()) {
            (Some((name, Tree::List(more))), true) if name == "models" => more,
            _ => return Err(Problems::Prices(path)),
        },
        _ => return Err(Problems::Prices(path)),
    };
    prices.retain(|(name, _)| name != "file");
    match prices.iter_mut().find(|(name, _)| name == "models") {
        Some((_, Tree::List(models))) => models.extend(more),
        // What stands there instead of a list is refused with its path.
        Some(_) => {}
        None => prices.push(("models".to_owned(), Tree::List(more))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, Problems> {
        Source::parse(text, Path::new("weir.yaml"))
    }

    const HEAD: &str = "version: 1\nproviders: { no: { kind: openai-compatible, endpoint: \"http://a/v1\" } }\nmodels: [ { name: off, targets: [ { provider: no } ] } ]\n";

    #[test]
    fn words_of_old_yaml_are_text() {
        let source = parse(HEAD).unwrap();
        assert!(source.document.gateway.route("off").is_some());
        weir_core::config::compile(&source.json).unwrap();
    }

    #[test]
    fn syntax_is_told_with_line_and_column() {
        for (text, place) in [
            ("version: 1\nproviders: {a: [}\n", "line 2 column 16"),
            ("version: 1\nversion: 1\n", "line 2 column 1"),
            ("a: b: c", "line 1"),
        ] {
            let problems = parse(text).unwrap_err().to_string();
            assert!(problems.contains("weir.yaml: not YAML") && problems.contains(place), "{problems}");
        }
    }

    #[test]
    fn a_file_of_prices_must_be_there_and_be_one() {
        let missing = parse(&format!("{HEAD}prices: {{ file: /nowhere/prices.yaml }}\n"));
        assert!(matches!(missing, Err(Problems::Read(..))), "{missing:?}");
        let other = parse(&format!("{HEAD}prices: {{ file: {}/Cargo.toml }}\n", env!("CARGO_MANIFEST_DIR")));
        assert!(matches!(other, Err(Problems::Syntax(..) | Problems::Prices(..))), "{other:?}");
    }
}

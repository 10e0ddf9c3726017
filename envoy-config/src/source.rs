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

fn parse_yaml(text: &str, path: &Path) -> Result<Tree, Problems> {
    serde_saphyr::from_str(text).map_err(|error| Problems::Syntax(path.to_owned(), error.to_string().into()))
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

//! The document in the README is one that `weir` accepts.

use std::path::Path;
use weir_config::Source;

#[test]
fn the_document_of_the_readme_is_accepted() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&readme).unwrap();
    let documents: Vec<_> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(documents.len(), 1, "the README has one document");
    for document in documents {
        let read = Source::parse(document, &readme);
        assert!(read.is_ok(), "the README's document is refused: {:?}", read.err());
    }
}

//! Tables of the documents that the code knows better: which formats meet how, and what of a request meets which fate where.
//! `WEIR_BLESS=1` rewrites them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use weir_core::hub::{Fate, Field};
use weir_core::names::FormatId;

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Compares what stands between two marks of a document with what the code says.
fn table(name: &str, mark: &str, expected: &str) {
    let path = document(name);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {mark}: written by a test of the core -->\n"), format!("<!-- end of {mark} -->"));
    let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name} has no {begin}"));
    let (found, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("{name} has no {end}"));
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&path, format!("{head}{begin}{expected}{end}{tail}")).unwrap();
        return;
    }
    assert!(found == expected, "{name} is not what the code says; WEIR_BLESS=1 rewrites it");
}

#[test]
fn readme_says_which_formats_meet() {
    let mut text = String::from("| Client speaks |");
    for target in FormatId::ALL {
        write!(text, " Provider speaks `{target}` |").unwrap();
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for client in FormatId::ALL {
        write!(text, "| `{client}` |").unwrap();
        for target in FormatId::ALL {
            let cell = if client == target { "bytes pass" } else { "translated" };
            write!(text, " {cell} |").unwrap();
        }
        text.push('\n');
    }
    table("README.md", "formats", &text);
}

#[test]
fn losses_are_told_field_by_field() {
    let mut text = String::from("| Element |");
    for target in FormatId::ALL {
        write!(text, " to `{target}` |").unwrap();
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for &field in Field::ALL {
        write!(text, "| `{}` |", field.as_str()).unwrap();
        for target in FormatId::ALL {
            let fate = field.fate(target);
            write!(text, " {} |", if fate == Fate::Carry { "–" } else { fate.as_str() }).unwrap();
        }
        text.push('\n');
    }
    table("docs/losses.md", "fates", &text);
}

//! What a document may hold, as a table, and the one walk that holds a document against it.

use super::errors::{Fault, Faults, Path};
use super::scalar;
use super::tree::Tree;
use crate::providers::Endpoint;

/// The members of an object.
#[derive(Debug)]
pub struct Shape {
    /// Each name once.
    pub members: &'static [Member],
}

/// One member of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name in the document.
    pub name: &'static str,
    /// Whether it has to, may or cannot yet stand there.
    pub presence: Presence,
    /// What it holds.
    pub value: Value,
    /// What it is for, in one sentence; the reference of the document is made of these.
    pub about: &'static str,
}

/// Whether a member has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A document without it is refused.
    Required,
    /// It may be left out.
    Optional,
    /// It belongs to the document, and to a later version of Weir: one that is there is refused, not ignored.
    Later,
}

/// What a member holds.
#[derive(Debug)]
pub enum Value {
    /// Text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A number of bytes from the first to the second.
    Size(u64, u64),
    /// A time with its unit.
    Duration,
    /// Dollars, down to a nano-dollar.
    Usd,
    /// A base URL.
    Url,
    /// One of the first words; the second belong to a later version.
    Choice(&'static [&'static str], &'static [&'static str]),
    /// A list of such values; whether it may be empty.
    List(&'static Value, bool),
    /// An object with these members.
    Object(&'static Shape),
    /// An object whose names are chosen by the operator; it may not be empty.
    Named(&'static Value),
    /// Not looked at, because the member is refused whatever it holds.
    Any,
}

/// Records every fault of `tree` against `value`.
pub(super) fn check(tree: &Tree, value: &Value, path: &Path, faults: &mut Faults) {
    let expected = |what: &'static str, faults: &mut Faults| faults.add(path, Fault::Expected(what, tree.describe()));
    match value {
        Value::Any => {}
        Value::Text => {
            if tree.text().is_none_or(str::is_empty) {
                expected("text", faults);
            }
        }
        Value::Flag => {
            if tree.flag().is_none() {
                expected("true or false", faults);
            }
        }
        Value::Count(least, most) => match scalar::count(tree) {
            Some(count) if (*least..=*most).contains(&count) => {}
            Some(_) => faults.add(path, Fault::Range(*least, *most)),
            None => expected("a whole number", faults),
        },
        Value::Size(least, most) => match scalar::size(tree) {
            Some(size) if (*least..=*most).contains(&size) => {}
            Some(_) => faults.add(path, Fault::Range(*least, *most)),
            None => expected("a size such as 64KiB, 32MiB or a number of bytes", faults),
        },
        Value::Duration => {
            if scalar::duration(tree).is_none_or(|time| time.is_zero()) {
                expected("a time with its unit, such as 250ms, 8s or 5m", faults);
            }
        }
        Value::Usd => {
            if scalar::nano_dollars(tree).is_none() {
                expected("dollars with at most 9 decimals", faults);
            }
        }
        Value::Url => match tree.text().map(Endpoint::parse) {
            Some(Ok(_)) => {}
            Some(Err(fault)) => faults.add(path, Fault::Endpoint(fault)),
            None => expected("a URL", faults),
        },
        Value::Choice(now, later) => match tree.text() {
            Some(word) if now.contains(&word) => {}
            Some(word) if later.contains(&word) => faults.add(path, Fault::Later),
            Some(word) => faults.add(path, Fault::Choice(word.to_owned(), now.to_vec())),
            None => expected("text", faults),
        },
        Value::List(entry, may_be_empty) => check_list(tree, entry, *may_be_empty, path, faults),
        Value::Object(shape) => check_object(tree, shape, path, faults),
        Value::Named(entry) => check_named(tree, entry, path, faults),
    }
}

fn check_list(tree: &Tree, entry: &Value, may_be_empty: bool, path: &Path, faults: &mut Faults) {
    let Tree::List(entries) = tree else { return faults.add(path, Fault::Expected("a list", tree.describe())) };
    if entries.is_empty() && !may_be_empty {
        faults.add(path, Fault::Empty);
    }
    for (place, tree) in entries.iter().enumerate() {
        check(tree, entry, &path.entry(place), faults);
    }
}

fn check_object(tree: &Tree, shape: &Shape, path: &Path, faults: &mut Faults) {
    let Tree::Object(members) = tree else { return faults.add(path, Fault::Expected("an object", tree.describe())) };
    check_repetition(members, path, faults);
    for (name, tree) in members {
        let path = path.member(name);
        match shape.members.iter().find(|member| member.name == name) {
            Some(Member { presence: Presence::Later, .. }) => faults.add(&path, Fault::Later),
            Some(member) => check(tree, &member.value, &path, faults),
            None => {
                let known = shape.members.iter().filter(|member| member.presence != Presence::Later);
                faults.add(&path, Fault::Unknown(known.map(|member| member.name).collect()));
            }
        }
    }
    for member in shape.members {
        if member.presence == Presence::Required && tree.member(member.name).is_none() {
            faults.add(&path.member(member.name), Fault::Missing);
        }
    }
}

fn check_named(tree: &Tree, entry: &Value, path: &Path, faults: &mut Faults) {
    let Tree::Object(members) = tree else { return faults.add(path, Fault::Expected("an object", tree.describe())) };
    check_repetition(members, path, faults);
    if members.is_empty() {
        faults.add(path, Fault::Empty);
    }
    for (name, tree) in members {
        check(tree, entry, &path.member(name), faults);
    }
}

/// JSON and YAML parsers commonly take the last of two members; a document that says two things is refused instead.
fn check_repetition(members: &[(String, Tree)], path: &Path, faults: &mut Faults) {
    for (place, (name, _)) in members.iter().enumerate() {
        if members.iter().take(place).any(|(earlier, _)| earlier == name) {
            faults.add(&path.member(name), Fault::Twice);
        }
    }
}

//! What is wrong with a document, each fault with its path.

use std::fmt;

use crate::providers::EndpointFault;

/// One fault of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where: `models[2].targets[0].provider`; empty for the document itself.
    pub path: String,
    /// What.
    pub what: Fault,
}

/// What can be wrong in one place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is not JSON; the parser's words, with line and column.
    Syntax(String),
    /// The document's version is not this module's.
    Version(u64),
    /// A member that no version knows; the names that could stand there.
    Unknown(Vec<&'static str>),
    /// A member or value of a later version.
    Later,
    /// A member that has to be there.
    Missing,
    /// The same member again.
    Twice,
    /// A value of another kind: what is expected, what was found.
    Expected(&'static str, &'static str),
    /// A number out of its range.
    Range(u64, u64),
    /// None of the words that can stand here.
    Choice(String, Vec<&'static str>),
    /// A list or map that needs an entry.
    Empty,
    /// More entries than can be.
    TooMany(usize),
    /// Exactly one of these members has to be there.
    ExactlyOne(&'static str),
    /// Not a base URL.
    Endpoint(EndpointFault),
    /// The kind has no endpoint of its own.
    EndpointNeeded,
    /// The region is what says the endpoint, or what is signed for.
    RegionNeeded,
    /// The name cannot stand where it would have to.
    Name(String, &'static str),
    /// The name is taken by an earlier entry.
    Taken(String),
    /// A reference to a provider that is not there.
    NoProvider(String),
    /// A reference to an identity that is not there.
    NoIdentity(String),
    /// A condition on an identity that is not there.
    NoSuchIdentity(String),
    /// A label that no provider and no target has.
    NoLabel(String),
    /// An earlier pattern takes every name of this one.
    Shadowed(String),
    /// A header as an identity, without the operator's word that clients cannot set it.
    Untrusted,
    /// The kind does not say which header carries an API key.
    KeyHeader,
    /// A header that cannot pass.
    Header(String),
    /// A member that means nothing beside this one.
    NotWith(&'static str),
    /// A target whose provider `standalone` never picks.
    NotPicked,
    /// A target without a label that its model demands, asked before the model is known.
    Unlabelled(String),
    /// Each path of the provider holds what only the body of a request says.
    ModelInPath,
    /// A server of a provider that is reached in another way than its first.
    Unlike,
    /// A URL whose path matters, without one.
    PathNeeded,
    /// A time that is shorter than this one.
    Shorter(&'static str),
    /// A limit of nothing.
    Zero,
    /// A member that `weir` replaces before the filter reads the document.
    File,
    /// Money is counted, and a model at a provider has no price.
    NoPrice(String, String),
    /// A reading that the table of members should have refused; never seen unless the two disagree.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(what) => write!(f, "not JSON: {what}"),
            Self::Version(given) => write!(f, "this is a document of version {given}, and this version of Weir reads version 1"),
            Self::Unknown(known) if known.is_empty() => f.write_str("unknown; nothing can stand here"),
            Self::Unknown(known) => write!(f, "unknown; what can stand here: {}", known.join(", ")),
            Self::Later => f.write_str("not supported by this version"),
            Self::Missing => f.write_str("missing"),
            Self::Twice => f.write_str("given twice"),
            Self::Expected(expected, found) => write!(f, "expected {expected}, found {found}"),
            Self::Range(least, most) => write!(f, "expected a number from {least} to {most}"),
            Self::Choice(given, known) => write!(f, "{given:?} is not one of: {}", known.join(", ")),
            Self::Empty => f.write_str("at least one entry is needed"),
            Self::TooMany(most) => write!(f, "at most {most} entries can stand here"),
            Self::ExactlyOne(members) => write!(f, "exactly one of these is needed: {members}"),
            Self::Endpoint(fault) => fault.fmt(f),
            Self::EndpointNeeded => f.write_str("missing, and this kind has no endpoint of its own"),
            Self::RegionNeeded => {
                f.write_str("missing: it says where requests go without an endpoint, and what they are signed for with auth.aws")
            }
            Self::Name(name, law) => write!(f, "{name:?} is not a name that can be used here: {law}"),
            Self::Taken(name) => write!(f, "{name:?} is there already"),
            Self::NoProvider(name) => write!(f, "no provider named {name:?}"),
            Self::NoIdentity(name) => write!(f, "no identity named {name:?} (model can stand here too)"),
            Self::NoSuchIdentity(name) => write!(f, "no identity named {name:?}"),
            Self::NoLabel(label) => write!(f, "no provider and no target has the label {label}"),
            Self::Shadowed(earlier) => write!(f, "never reached: {earlier:?} stands before it and takes every such name"),
            Self::Untrusted => f.write_str(
                "clients can send any header: say `trusted: true` if something in front of Weir sets this one and removes the client's",
            ),
            Self::KeyHeader => f.write_str("missing, and this kind does not say which header carries the key"),
            Self::Header(name) => write!(f, "{name:?} cannot pass: it is a credential, a header of the connection or one of Weir's own"),
            Self::NotWith(other) => write!(f, "means nothing beside {other}"),
            Self::NotPicked => f.write_str("never reached: standalone picks other providers"),
            Self::Unlabelled(wanted) => write!(
                f,
                "is not labelled {wanted}, which its model demands: standalone, a request's head would go there before its model is known"
            ),
            Self::ModelInPath => f.write_str(
                "can't be reached by standalone: the path of each format that it speaks holds the model, which stands in the body, \
                 and the path has to be written before",
            ),
            Self::Unlike => f.write_str("has another scheme or path than the first: servers of one provider are asked alike"),
            Self::PathNeeded => f.write_str("the URL needs a path, such as /json"),
            Self::Shorter(than) => write!(f, "must not be shorter than {than}"),
            Self::Zero => f.write_str("must be more than zero"),
            Self::File => f.write_str("the filter reads no files; `weir render` puts the file's prices in its place"),
            Self::NoPrice(model, provider) => {
                write!(f, "money is counted, and prices name no price of model {model:?} at provider {provider:?}")
            }
            Self::Unreadable => f.write_str("cannot be read"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { self.what.fmt(f) } else { write!(f, "{}: {}", self.path, self.what) }
    }
}

impl std::error::Error for ConfigError {}

/// Every fault that could be found in a document, at least one; one a line when displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A place in a document, as a path that grows from the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(String);

impl Path {
    /// The path of a member of the object at this place. A name that would blur the path is quoted.
    pub(super) fn member(&self, name: &str) -> Self {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        match (plain, self.0.is_empty()) {
            (true, true) => Self(name.to_owned()),
            (true, false) => Self(format!("{}.{name}", self.0)),
            (false, _) => Self(format!("{}[{name:?}]", self.0)),
        }
    }

    /// The path of an entry of the list at this place.
    pub(super) fn entry(&self, place: usize) -> Self {
        Self(format!("{}[{place}]", self.0))
    }
}

/// Collects faults while the reading goes on.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<ConfigError>);

impl Faults {
    /// Records a fault.
    pub(super) fn add(&mut self, path: &Path, what: Fault) {
        let error = ConfigError { path: path.0.clone(), what };
        // Two checks may find the same thing, such as two budgets that lack the same price.
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    /// What was recorded.
    pub(super) fn into_errors(self) -> ConfigErrors {
        ConfigErrors(self.0)
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

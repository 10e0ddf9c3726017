//! Names of tools to look others up in: a request may choose among as many as it has.

use crate::hub::{Tool, ToolKind};
use crate::json::Str;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A set of the names of tools, as the client spells them.
pub struct ToolNames<'r>(BTreeSet<Cow<'r, str>>);

impl<'r> ToolNames<'r> {
    /// These names.
    pub fn of<'b: 'r>(names: impl IntoIterator<Item = &'r Str<'b>>) -> Self {
        Self(names.into_iter().map(Str::plain).collect())
    }

    /// The names of the tools that take free text.
    pub fn custom<'b: 'r>(tools: &[&'r Tool<'b>]) -> Self {
        Self::of(tools.iter().filter_map(|tool| match &tool.kind {
            ToolKind::Custom { name, .. } => Some(name),
            ToolKind::Function { .. } | ToolKind::Hosted(_) => None,
        }))
    }

    /// Whether the name is one of them.
    pub fn has(&self, name: &Str<'_>) -> bool {
        self.0.contains(&*name.plain())
    }
}

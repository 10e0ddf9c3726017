//! Tools and the choice among them, as Converse clients write them.

use super::blocks::cache_point;
use super::scan::Scan;
use crate::formats::shape::{Fault, place};
use crate::hub::{Extension, Field, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Raw, Str};

/// Reads `toolConfig`, which stands at byte `at`.
pub(super) fn decode<'b>(scan: &mut Scan<'b>, at: usize, request: &mut Request<'b>) -> Result<(), Fault> {
    scan.structure(&["tools", "toolChoice"], &mut |scan, name, at| match name {
        "tools" => scan.list(&mut |scan, at| tool(scan, at, &mut request.tools)),
        _ => {
            request.tool_choice = scan.union(&["auto", "any", "tool"], &mut choice)?;
            if request.tool_choice.is_none() {
                scan.extensions.push(Extension { at: place(at), field: Field::Extension });
            }
            Ok(())
        }
    })?;
    if request.tools.is_empty() { Err(Fault::missing(at, "tools")) } else { Ok(()) }
}

/// Reads one element, which is a tool or the breakpoint behind the one before.
fn tool<'b>(scan: &mut Scan<'b>, at: usize, tools: &mut Vec<Tool<'b>>) -> Result<(), Fault> {
    let hosted = |scan: &Scan<'b>| ToolKind::Hosted(scan.cursor.since(at));
    let kind = scan.union(&["toolSpec", "systemTool", "cachePoint"], &mut |scan, name, at| match name {
        "toolSpec" => function(scan, at).map(Some),
        "cachePoint" => {
            let point = cache_point(scan)?;
            match tools.last_mut() {
                Some(tool) => tool.cache = Some(point),
                None => scan.extensions.push(Extension { at: place(at), field: Field::Extension }),
            }
            Ok(None)
        }
        _ => {
            named(scan, at)?;
            Ok(Some(ToolKind::Hosted(Raw::NULL)))
        }
    })?;
    let kind = match kind {
        Some(None) => return Ok(()),
        Some(Some(kind @ (ToolKind::Function { .. } | ToolKind::Custom { .. }))) => kind,
        Some(Some(ToolKind::Hosted(_))) | None => hosted(scan),
    };
    tools.push(Tool { at: place(at), cache: None, kind });
    Ok(())
}

fn function<'b>(scan: &mut Scan<'b>, at: usize) -> Result<ToolKind<'b>, Fault> {
    let (mut called, mut description, mut parameters, mut strict) = (None, None, None, None);
    scan.structure(&["name", "description", "inputSchema", "strict"], &mut |scan, name, _| {
        match name {
            "name" => called = Some(scan.name("_-")?),
            "description" => description = Some(scan.filled()?),
            "inputSchema" => parameters = scan.union(&["json"], &mut |scan, _, _| Ok(scan.cursor.raw()?))?,
            _ => strict = Some(scan.cursor.boolean()?),
        }
        Ok(())
    })?;
    let name = called.ok_or(Fault::missing(at, "name"))?;
    let parameters = Some(parameters.ok_or(Fault::missing(at, "inputSchema"))?);
    Ok(ToolKind::Function { name, description, parameters, strict })
}

fn choice<'b>(scan: &mut Scan<'b>, name: &'static str, at: usize) -> Result<ToolChoice<'b>, Fault> {
    if name == "tool" {
        return named(scan, at).map(ToolChoice::Named);
    }
    scan.structure(&[], &mut |_, _, _| Ok(()))?;
    Ok(if name == "any" { ToolChoice::Required } else { ToolChoice::Auto })
}

/// The one name in a structure that has no other member.
fn named<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Str<'b>, Fault> {
    let mut name = None;
    scan.structure(&["name"], &mut |scan, _, _| {
        name = Some(scan.name("_-")?);
        Ok(())
    })?;
    name.ok_or(Fault::missing(at, "name"))
}

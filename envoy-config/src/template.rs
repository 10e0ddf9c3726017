//! Fills the YAML templates: names in double braces, alone on a line (replaced by whole lines, indented alike) or inside one.

/// One name and what stands in its place.
pub(crate) type Filling<'a> = (&'a str, &'a str);

/// The template with every name replaced. A line that holds nothing but a name whose text is empty is left out.
pub(crate) fn fill(template: &str, fillings: &[Filling<'_>]) -> String {
    let mut filled = String::with_capacity(template.len());
    for line in template.lines() {
        let indent = line.len().saturating_sub(line.trim_start().len());
        let (indent, content) = line.split_at_checked(indent).unwrap_or(("", line));
        match whole_line(content).and_then(|name| text_of(name, fillings)) {
            Some(text) => push_lines(indent, text, &mut filled),
            None => {
                filled.push_str(indent);
                push_filled(content, fillings, &mut filled);
                filled.push('\n');
            }
        }
    }
    filled
}

/// Every line of a text as a comment.
pub(crate) fn commented(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

fn whole_line(content: &str) -> Option<&str> {
    content.strip_prefix("{{")?.strip_suffix("}}").filter(|name| !name.contains('}'))
}

fn text_of<'a>(name: &str, fillings: &[Filling<'a>]) -> Option<&'a str> {
    fillings.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn push_lines(indent: &str, text: &str, filled: &mut String) {
    for line in text.lines() {
        filled.push_str(indent);
        filled.push_str(line);
        filled.push('\n');
    }
}

/// Replaces names inside a line. What is put in is not looked at again, so a document cannot name a template's names.
fn push_filled(mut content: &str, fillings: &[Filling<'_>], filled: &mut String) {
    while let Some((before, rest)) = content.split_once("{{") {
        let Some((name, after)) = rest.split_once("}}") else { break };
        filled.push_str(before);
        match text_of(name, fillings) {
            Some(text) => filled.push_str(text),
            None => {
                filled.push_str("{{");
                filled.push_str(name);
                filled.push_str("}}");
            }
        }
        content = after;
    }
    filled.push_str(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_indentation_and_empty_ones_go() {
        let template = "a:\n  {{lines}}\n  {{none}}\n  b: {{value}}, {{value}} # {{other}}\n";
        let filled = fill(template, &[("lines", "x: 1\ny:\n  z: 2"), ("none", ""), ("value", "{{lines}}")]);
        assert_eq!(filled, "a:\n  x: 1\n  y:\n    z: 2\n  b: {{lines}}, {{lines}} # {{other}}\n");
    }
}

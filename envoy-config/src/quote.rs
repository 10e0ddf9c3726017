//! Strings as they stand in YAML: always quoted, because Envoy's loader takes words such as `n` for something else.

/// A double-quoted scalar, which is also a JSON string. Line separators of Unicode and DEL are escaped, which YAML reads otherwise.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// JSON as a single-quoted scalar, which needs no escapes but a doubled quote. Characters outside of ASCII become JSON's own escapes.
pub(crate) fn quoted_json(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len().saturating_add(2));
    quoted.push('\'');
    for letter in json.chars() {
        match letter {
            '\'' => quoted.push_str("''"),
            ' '..='~' => quoted.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_reads_back() {
        for text in ["", "n", "it's", "a\"b\\c", "tab\tnew\nline", "é\u{85}\u{2028}\u{7f}😀", "# no: {comment}"] {
            assert_eq!(serde_saphyr::from_str::<String>(&quoted(text)).unwrap(), text);
            let json = serde_json::to_string(text).unwrap();
            let inside: String = serde_saphyr::from_str(&quoted_json(&json)).unwrap();
            assert_eq!(serde_json::from_str::<String>(&inside).unwrap(), text);
        }
    }
}

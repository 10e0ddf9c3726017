//! The version of a discovery file: it follows from the content, so that an unchanged file keeps its version.

const LINE: &str = "version_info: ";

/// The file with its version filled in.
pub(crate) fn stamp(text: &str) -> String {
    let version = fingerprint(text);
    text.lines().map(|line| if line.starts_with(LINE) { format!("{LINE}\"{version}\"\n") } else { format!("{line}\n") }).collect()
}

/// The version that stands in a file.
pub(crate) fn version_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(LINE)).map(|version| version.trim_matches('"'))
}

/// FNV-1a of all lines but that of the version, in hexadecimal. It tells versions apart and hides nothing.
fn fingerprint(text: &str) -> String {
    let bytes = text.lines().filter(|line| !line.starts_with(LINE)).flat_map(|line| line.bytes().chain([b'\n']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_follows_from_the_rest() {
        let first = stamp("version_info: \"\"\na: 1\n");
        assert_eq!(stamp(&first), first);
        assert_eq!(version_of(&first).map(str::len), Some(16));
        assert_ne!(version_of(&first), version_of(&stamp("version_info: \"\"\na: 2\n")));
    }
}

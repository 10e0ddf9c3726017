//! A test that fails while a host is alive shows what happened in it last.

use crate::host::Host;

/// So many lines at the end of the transcript.
const LAST: usize = 120;

impl Drop for Host {
    fn drop(&mut self) {
        // A failure that ended the VM has its transcript already.
        if !std::thread::panicking() || self.vm.is_dead() {
            return;
        }
        let transcript = self.transcript().to_string();
        let lines: Vec<&str> = transcript.lines().collect();
        let skipped = lines.len().saturating_sub(LAST);
        eprintln!("--- the last of the transcript ({skipped} lines before it) ---\n{}", lines[skipped..].join("\n"));
    }
}

//! Host calls that answer what the test wants, whatever the host thinks.

use crate::abi::Status;

/// A rule: which calls fail, and with what.
#[derive(Clone, Debug)]
pub struct Fault {
    call: String,
    callback: Option<String>,
    skip: u64,
    times: u64,
    status: Status,
}

impl Fault {
    /// Every call of this name (`proxy_get_header_map_value` …; `*` is every one) answers `status`.
    pub fn new(call: &str, status: Status) -> Fault {
        Fault { call: call.to_owned(), callback: None, skip: 0, times: u64::MAX, status }
    }

    /// Only the next one; after that the host answers by itself again.
    #[must_use]
    pub fn once(mut self) -> Fault {
        self.times = 1;
        self
    }

    /// Only after this many matching calls have been let through.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Fault {
        self.skip = calls;
        self
    }

    /// Only inside this callback (`proxy_on_request_headers` …).
    #[must_use]
    pub fn during(mut self, callback: &str) -> Fault {
        self.callback = Some(callback.to_owned());
        self
    }

    /// The status for this call, if the rule is about it.
    pub(crate) fn hit(&mut self, call: &str, callback: &str) -> Option<Status> {
        let named = self.call == "*" || self.call == call;
        if !named || self.callback.as_deref().is_some_and(|c| c != callback) || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.status)
    }
}

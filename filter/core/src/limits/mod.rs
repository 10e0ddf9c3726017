//! Budgets: which counters a request touches, whether it may go on, and what the shared rate-limit service is told.
//!
//! The counters live in the service; the [`Ledger`] of each VM knows how much of each is left, as of when, and what it still
//! owes. [`Rule`] and [`Key`] name a counter on the wire, a [`Claim`] is what one exchange wants from its budgets.

mod civil;
mod claim;
mod key;
mod ledger;
mod message;
mod rule;
mod scale;

pub use claim::{Admission, Amounts, Cause, Claim, Decision, Refusal};
pub use key::{IdentityValue, Key, MissingIdentity, keys_for};
pub use ledger::{CallFault, CallId, Ledger, SyncCall, Synced, Totals};
pub use rule::{ENTRY_MODEL, ENTRY_MONTH, ENTRY_RULE, Rule};
pub use scale::{MAX_SERVICE_LIMIT, Scale};

//! Tries what seeds make, one after the other, and makes what fails small before it is shown.

use crate::error::Error;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

/// How often something that fails may be tried again to make it smaller.
const RETELLINGS: usize = 400;

/// What a seed makes: readable as it is written, and a little smaller in many ways.
pub(super) trait Tale: Clone + Display + FromStr<Err: Display> {
    /// What failures call it.
    const NAME: &'static str;
    /// The environment variable that holds one to be tried alone.
    const VARIABLE: &'static str;

    /// Everything that is this with something less, the largest steps first.
    fn smaller(&self) -> Vec<Self>;
}

/// What is wrong, and what happened.
pub(super) struct Failing {
    pub(super) why: String,
    pub(super) transcript: String,
}

impl From<Error> for Failing {
    fn from(error: Error) -> Failing {
        Failing { transcript: error.transcript().map(ToString::to_string).unwrap_or_default(), why: error.to_string() }
    }
}

/// The seeds to try: of this range, or as `TESTING_SEED` and `TESTING_RUNS` in the environment say.
pub(super) fn chosen(seeds: Range<u64>) -> Range<u64> {
    let told = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    if let Some(only) = told("TESTING_SEED") {
        return only..only.saturating_add(1);
    }
    let times = told("TESTING_RUNS").unwrap_or(1);
    let length = seeds.end.saturating_sub(seeds.start).saturating_mul(times);
    seeds.start..seeds.start.saturating_add(length)
}

/// The one that the environment holds, if it does.
pub(super) fn alone<T: Tale>() -> Option<String> {
    std::env::var(T::VARIABLE).ok()
}

/// Tries what these lines say: one in each, behind `#` a remark.
pub(super) fn retell<T: Tale>(lines: &str, fails: &dyn Fn(&T) -> Option<Failing>) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.parse::<T>() {
            Ok(tale) => judge(&format!("a kept {}", T::NAME), tale, fails),
            Err(bad) => fail(&format!("{bad}: {line}")),
        }
    }
}

/// Tries this one.
pub(super) fn judge<T: Tale>(whose: &str, tale: T, fails: &dyn Fn(&T) -> Option<Failing>) {
    let Some(mut failing) = fails(&tale) else { return };
    let first = failing.why.clone();
    let mut tries = 0;
    let small = shrink(tale, &mut |smaller| {
        tries += 1;
        let fails = if tries > RETELLINGS { None } else { fails(smaller) };
        fails.map(|found| failing = found).is_some()
    });
    let Failing { why, transcript } = failing;
    let (name, variable) = (T::NAME, T::VARIABLE);
    fail(&format!("{whose}: {first}\nas a small {name}: {why}\nagain: {variable}='{small}'\n--- transcript ---\n{transcript}"))
}

/// The smallest that was found. `fails` decides; it may end the search by saying no to everything.
pub(super) fn shrink<T: Tale>(tale: T, fails: &mut dyn FnMut(&T) -> bool) -> T {
    let mut smallest = tale;
    'again: loop {
        for candidate in smallest.smaller() {
            if fails(&candidate) {
                smallest = candidate;
                continue 'again;
            }
        }
        return smallest;
    }
}

#[allow(clippy::panic, reason = "a test fails by panicking")]
fn fail(words: &str) -> ! {
    panic!("{words}")
}

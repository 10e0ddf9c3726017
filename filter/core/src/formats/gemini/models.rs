//! What each generation of Gemini models takes, as a table; unknown names are decided by documented rules, never by guessing at substrings.

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It can't, or it is not known how.
    Never,
    /// `thinkingBudget`, in tokens.
    Budget {
        /// The least that it takes beside none.
        least: u64,
        /// The most.
        most: u64,
        /// Whether it takes none.
        off: bool,
    },
    /// `thinkingLevel`; it can't be turned off.
    Level {
        /// Whether it has `MINIMAL`.
        minimal: bool,
        /// Whether it has `MEDIUM`.
        medium: bool,
    },
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// How it is told to think.
    pub thinking: Thinking,
}

impl Model {
    /// What the model of this name takes.
    ///
    /// Names are `gemini-VERSION-FAMILY[-VARIANT]`, or aliases without a version (`gemini-flash-latest`), behind what clouds and
    /// resellers put before them (`models/`, `google/`).
    pub(super) fn of(name: &str) -> Self {
        let own = name.rsplit('/').next().unwrap_or(name);
        let Some(rest) = own.strip_prefix("gemini-") else { return Self { thinking: Thinking::Never } };
        let has = |word: &str| rest.split('-').any(|piece| piece == word);
        if has("image") || has("tts") {
            return Self { thinking: Thinking::Never };
        }
        let mut numbers = rest.split('-').next().unwrap_or_default().split('.').map(str::parse::<u32>);
        let version = match numbers.next() {
            Some(Ok(major)) => (major, numbers.next().and_then(Result::ok).unwrap_or(0)),
            // An alias is of the newest generation.
            Some(Err(_)) | None => (u32::MAX, 0),
        };
        Self { thinking: Self::thinking(version, has("pro"), has("lite")) }
    }

    /// The table, as Google documents it for each generation.
    const fn thinking(version: (u32, u32), pro: bool, lite: bool) -> Thinking {
        match version {
            (0..=1, _) | (2, 0..=4) => Thinking::Never,
            (2, _) if pro => Thinking::Budget { least: 128, most: 32_768, off: false },
            (2, _) => Thinking::Budget { least: if lite { 512 } else { 1 }, most: 24_576, off: true },
            (3, 0) => Thinking::Level { minimal: !pro, medium: !pro },
            (_, _) => Thinking::Level { minimal: !pro, medium: true },
        }
    }

    /// Whether the first call of a turn must come back with its signature: so it is since the third generation.
    pub(super) const fn demands_signatures(self) -> bool {
        matches!(self.thinking, Thinking::Level { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_every_spelling() {
        let flash = Thinking::Budget { least: 1, most: 24_576, off: true };
        let level = |minimal, medium| Thinking::Level { minimal, medium };
        for (name, thinking) in [
            ("gemini-1.5-pro", Thinking::Never),
            ("gemini-2.0-flash-001", Thinking::Never),
            ("gemini-2.5-flash", flash),
            ("models/gemini-2.5-flash-preview-09-2025", flash),
            ("gemini-2.5-flash-lite", Thinking::Budget { least: 512, most: 24_576, off: true }),
            ("google/gemini-2.5-pro-preview-03-25", Thinking::Budget { least: 128, most: 32_768, off: false }),
            ("gemini-2.5-flash-image", Thinking::Never),
            ("gemini-3-pro-preview", level(false, false)),
            ("gemini-3-flash-preview", level(true, true)),
            ("gemini-3.1-pro-preview", level(false, true)),
            ("gemini-3.5-flash", level(true, true)),
            ("gemini-flash-latest", level(true, true)),
            ("gemini-4-pro", level(false, true)),
            ("gemma-3-27b-it", Thinking::Never),
            ("my-gemini-3", Thinking::Never),
            ("", Thinking::Never),
        ] {
            assert_eq!(Model::of(name), Model { thinking }, "{name}");
        }
    }
}

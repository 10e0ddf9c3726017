//! What each family of Claude models takes, as a table; unknown names are decided by documented rules, never by guessing at substrings.

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// It can't.
    Never,
    /// `enabled` with a budget of tokens.
    Budget,
    /// `adaptive`, and `disabled` turns it off.
    Adaptive,
    /// `adaptive`; it can't be turned off.
    Always,
}

/// The highest of the degrees that `output_config.effort` takes beside `low`, `medium` and `high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Efforts {
    /// The model has no such member.
    None,
    /// Only those three.
    High,
    /// `max` too.
    Max,
    /// `xhigh` and `max` too.
    Xhigh,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// How it is told to think.
    pub thinking: Thinking,
    /// Which degrees it has.
    pub efforts: Efforts,
    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub sampling: bool,
}

/// Servers that speak this format for models of other vendors take sampling; how they are told to think is not known.
const FOREIGN: Model = Model { thinking: Thinking::Never, efforts: Efforts::None, sampling: true };

/// A Claude model that no rule knows, an alias such as `claude-latest`: taken for a current one.
const NEWEST: Model = Model { thinking: Thinking::Adaptive, efforts: Efforts::High, sampling: false };

impl Model {
    /// What the model of this name takes.
    ///
    /// Names are `claude-FAMILY-MAJOR[-MINOR][-DATE]`, of the third generation `claude-MAJOR[-MINOR]-FAMILY[-DATE]`, behind what
    /// clouds and resellers put before them (`us.anthropic.`, `anthropic/`). Some resellers write `MAJOR.MINOR`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::named(name).unwrap_or(FOREIGN)
    }

    /// The same; `None` where the model is of another maker.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        const MAKER: &str = "claude-";
        let begins = |(at, _): &(usize, _)| name.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(['/', '.']));
        let (at, _) = name.rmatch_indices(MAKER).find(begins)?;
        let own = name.get(at..)?.split(['/', '@', ':']).next()?;
        let rest = own.strip_prefix(MAKER)?;
        let mut family = "";
        let mut version = [None, None];
        for piece in rest.split(['-', '.']) {
            match piece.parse::<u32>() {
                // Eight digits are the date of a snapshot, which ends the name.
                Ok(number) if number < 100 => match &mut version {
                    [major @ None, _] => *major = Some(number),
                    [Some(_), minor @ None] => *minor = Some(number),
                    [Some(_), Some(_)] => {}
                },
                Ok(_) => break,
                Err(_) if family.is_empty() => family = piece,
                Err(_) => {}
            }
        }
        Some(match version {
            [Some(major), minor] => Self::of_version(family, (major, minor.unwrap_or(0))),
            [None, _] => NEWEST,
        })
    }

    /// The table: families and versions as their makers document them.
    fn of_version(family: &str, version: (u32, u32)) -> Self {
        let sampling = version <= (4, 6);
        let (thinking, efforts) = match (family, version) {
            (_, (0..=2, _) | (3, 0..=6)) => (Thinking::Never, Efforts::None),
            ("opus", (4, 5)) => (Thinking::Budget, Efforts::High),
            (_, (3, _) | (4, 0..=5)) => (Thinking::Budget, Efforts::None),
            (_, (4, 6)) => (Thinking::Adaptive, Efforts::Max),
            ("fable" | "mythos", _) | ("opus", (5, 5)) => (Thinking::Always, Efforts::Xhigh),
            (_, _) => (Thinking::Adaptive, Efforts::Xhigh),
        };
        Self { thinking, efforts, sampling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_read_from_every_spelling() {
        use Efforts as E;
        use Thinking as T;
        for (name, thinking, efforts, sampling) in [
            ("claude-3-5-haiku-20241022", T::Never, E::None, true),
            ("claude-3-opus-20240229", T::Never, E::None, true),
            ("claude-3-7-sonnet-latest", T::Budget, E::None, true),
            ("claude-sonnet-4-20250514", T::Budget, E::None, true),
            ("claude-opus-4-1-20250805", T::Budget, E::None, true),
            ("claude-opus-4-5", T::Budget, E::High, true),
            ("claude-haiku-4-5@20251001", T::Budget, E::None, true),
            ("us.anthropic.claude-sonnet-4-6-v1:0", T::Adaptive, E::Max, true),
            ("claude-opus-4-7", T::Adaptive, E::Xhigh, false),
            ("anthropic/claude-sonnet-5", T::Adaptive, E::Xhigh, false),
            ("claude-fable-5", T::Always, E::Xhigh, false),
            ("claude-opus-5-5-20260901", T::Always, E::Xhigh, false),
            ("claude-haiku-5-5", T::Adaptive, E::Xhigh, false),
            ("claude-next-6", T::Adaptive, E::Xhigh, false),
            ("anthropic/claude-3.5-sonnet:beta", T::Never, E::None, true),
            ("anthropic/claude-3.7-sonnet", T::Budget, E::None, true),
            ("anthropic/claude-opus-4.5", T::Budget, E::High, true),
            ("anthropic/claude-opus-4.7", T::Adaptive, E::Xhigh, false),
            ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-7-v1:0", T::Adaptive, E::Xhigh, false),
            ("claude-latest", T::Adaptive, E::High, false),
            ("deepseek-chat", T::Never, E::None, true),
            ("my-claude-4", T::Never, E::None, true),
            ("", T::Never, E::None, true),
        ] {
            assert_eq!(Model::of(name), Model { thinking, efforts, sampling }, "{name}");
        }
    }
}

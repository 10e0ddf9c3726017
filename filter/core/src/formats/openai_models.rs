//! What each family of OpenAI's models takes, as a table. Servers of other vendors take what their dialect says.

use crate::providers::Dialect;

/// The degrees of thinking that a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Efforts {
    /// It does not think.
    None,
    /// `low`, `medium`, `high`.
    Three,
    /// `minimal` too.
    Minimal,
    /// Those three, and `none`, with which it does not think.
    Off,
    /// `none` and `xhigh` too.
    Xhigh,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// How much it can be told to think.
    pub efforts: Efforts,
    /// Whether it takes `temperature`, `top_p` and penalties: models that think don't.
    pub sampling: bool,
}

impl Model {
    /// What the model of this name takes at a provider of this dialect.
    #[must_use]
    pub fn of(name: &str, dialect: &Dialect) -> Self {
        let own = name.rsplit('/').next().unwrap_or(name);
        let own = own.strip_prefix("ft:").unwrap_or(own);
        let thinks = |efforts| Self { efforts, sampling: false };
        if let Some(rest) = own.strip_prefix("gpt-5") {
            // Behind the family stands its minor version, a size or a date.
            let minor = rest.strip_prefix('.').and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok());
            return match minor {
                None if rest.starts_with("-chat") => Self { efforts: Efforts::None, sampling: true },
                None | Some(0) => thinks(Efforts::Minimal),
                Some(1) => thinks(Efforts::Off),
                Some(_) => thinks(Efforts::Xhigh),
            };
        }
        if ["o1", "o3", "o4"].iter().any(|family| own == *family || own.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'))) {
            return thinks(Efforts::Three);
        }
        if ["gpt-4", "gpt-3.5", "chatgpt-4o"].iter().any(|family| own.starts_with(family)) {
            return Self { efforts: Efforts::None, sampling: true };
        }
        Self { efforts: if dialect.effort { Efforts::Three } else { Efforts::None }, sampling: true }
    }

    /// Whether it gives ciphertext of its thinking to whoever asks.
    #[must_use]
    pub fn ciphers(self) -> bool {
        !self.sampling && self.efforts != Efforts::None
    }

    /// The nearest degree that the model has; `None` where there is none.
    #[must_use]
    pub fn nearest(self, effort: &str) -> Option<&'static str> {
        let known = match (self.efforts, effort) {
            (Efforts::None, _) => return None,
            (Efforts::Three, "none") if self.sampling => return None,
            // A model that always thinks does so as little as it can.
            (Efforts::Three, "none") => "low",
            (Efforts::Minimal, "none") => "minimal",
            (_, "none") => "none",
            (Efforts::Minimal, "minimal") => "minimal",
            (_, "minimal" | "low") => "low",
            (_, "medium") => "medium",
            (Efforts::Xhigh, "xhigh" | "max") => "xhigh",
            (_, _) => "high",
        };
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Kind;

    #[test]
    fn families_are_told_apart() {
        let openai = Kind::named("openai").unwrap().preset().dialect;
        for (name, efforts, sampling) in [
            ("gpt-5", Efforts::Minimal, false),
            ("gpt-5-mini-2025-08-07", Efforts::Minimal, false),
            ("gpt-5-chat-latest", Efforts::None, true),
            ("openai/gpt-5.1-codex", Efforts::Off, false),
            ("gpt-5.6", Efforts::Xhigh, false),
            ("o3", Efforts::Three, false),
            ("o4-mini", Efforts::Three, false),
            ("gpt-4o-mini", Efforts::None, true),
            ("qwen3", Efforts::Three, true),
            ("o3x", Efforts::Three, true),
        ] {
            assert_eq!(Model::of(name, &openai), Model { efforts, sampling }, "{name}");
        }
    }

    #[test]
    fn the_nearest_degree() {
        let openai = Kind::named("openai").unwrap().preset().dialect;
        let nearest = |model: &str, effort| Model::of(model, &openai).nearest(effort);
        assert_eq!([nearest("o3", "none"), nearest("qwen", "none")], [Some("low"), None]);
        assert_eq!(
            [nearest("gpt-5", "none"), nearest("gpt-5", "minimal"), nearest("gpt-5", "max")],
            [Some("minimal"), Some("minimal"), Some("high")]
        );
        assert_eq!(
            [nearest("gpt-5.2", "none"), nearest("gpt-5.2", "minimal"), nearest("gpt-5.2", "max")],
            [Some("none"), Some("low"), Some("xhigh")]
        );
        assert_eq!(nearest("gpt-4o", "low"), None);
    }
}

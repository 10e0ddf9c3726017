//! What a request uses that not every model has.

/// Something that a model may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It looks at images.
    Images,
    /// It hears sound.
    Audio,
    /// It calls tools.
    Tools,
    /// Its answer fits a JSON schema.
    JsonSchema,
    /// It thinks, as much as it is told.
    Reasoning,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Images, Self::Audio, Self::Tools, Self::JsonSchema, Self::Reasoning];

    /// The word for the document, records and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Tools => "tools",
            Self::JsonSchema => "json_schema",
            Self::Reasoning => "reasoning",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Images => 1,
            Self::Audio => 2,
            Self::Tools => 4,
            Self::JsonSchema => 8,
            Self::Reasoning => 16,
        }
    }
}

/// Some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Notes one where it is `present`.
    pub const fn note(&mut self, one: Capability, present: bool) {
        if present {
            self.0 |= one.bit();
        }
    }

    /// The first that both hold.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Capability> {
        Capability::ALL.into_iter().find(|one| self.0 & other.0 & one.bit() != 0)
    }
}

//! What a request says of Anthropic's API beside its content, in headers or in the body: the version, and flags for beta features.

use super::carrier::{Carrier, FIRST_VERSION, is_clouds};
use crate::formats::claude::betas;
use crate::formats::shape;
use crate::json::{Cursor, JsonError, Kind, Str};

/// What one request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The version, by Anthropic's own name.
    pub version: Option<String>,
    /// The flags, each once.
    pub betas: Vec<String>,
    /// Whether the body says the version, which then counts.
    versioned: bool,
    /// Whether the body has flags that no header has.
    flagged: bool,
}

impl Said {
    /// Reads the headers of a request, names in lower case, and where a carrier's form may have it in the body, that.
    #[must_use]
    pub fn of<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>, body: Option<&[u8]>) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            match name {
                "anthropic-beta" => betas::add([value].iter(), &mut said.betas),
                "anthropic-version" if said.version.is_none() => said.version = Some(value.to_owned()),
                _ => {}
            }
        }
        // A body that can't be read is refused where it is edited.
        if let Some(Ok(text)) = body.map(shape::text) {
            let _unread = said.read(text);
        }
        said
    }

    fn read(&mut self, text: &str) -> Result<(), JsonError> {
        let mut cursor = Cursor::of_text(text);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match (&*name.into_plain(), cursor.peek()?) {
                ("anthropic_version", Kind::String) => {
                    let version = cursor.string()?.into_plain().into_owned();
                    self.version = Some(if is_clouds(&version) { FIRST_VERSION.to_owned() } else { version });
                    self.versioned = true;
                }
                (betas::MEMBER, _) => {
                    let (mut flags, known): (Vec<Str<'_>>, usize) = (Vec::new(), self.betas.len());
                    betas::read(cursor.raw()?, &mut flags)?;
                    betas::add(flags.iter().map(Str::plain), &mut self.betas);
                    self.flagged |= self.betas.len() > known;
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// The headers in which a provider wants what the body said.
    pub fn headers(&self, to: Carrier) -> impl Iterator<Item = (&'static str, String)> {
        let takes = |name: &str| to.headers().contains(&name);
        let version = self.version.clone().filter(|_| self.versioned && takes("anthropic-version"));
        let betas = (self.flagged && takes("anthropic-beta")).then(|| self.betas.join(","));
        version.map(|version| ("anthropic-version", version)).into_iter().chain(betas.map(|list| ("anthropic-beta", list)))
    }

    /// Whether these headers say more than every request does.
    #[must_use]
    pub fn is_late(&self, to: Carrier) -> bool {
        self.headers(to).any(|(_, value)| value != FIRST_VERSION)
    }
}

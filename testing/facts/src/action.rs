//! What a client or an upstream does, step by step.

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Headers. Of a client: method and path; of an upstream: the status. `end`: nothing follows.
    Head {
        /// `GET /path`, or `200`.
        line: Vec<String>,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// Whether the message is complete.
        end: bool,
    },
    /// A whole request of a client, headers and body at once: on HTTP/2 the last bytes say that they are the last.
    Whole {
        /// Method and path.
        line: Vec<String>,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A part of the body, sent at once.
    Data(Vec<u8>),
    /// The rest of a body of announced length: HTTP/1.1 needs no word for its end.
    Last(Vec<u8>),
    /// One message of a gRPC answer.
    Message(Vec<u8>),
    /// The end of the message.
    End,
    /// Trailers, which end the message.
    Trailers(Vec<(String, String)>),
    /// The connection is closed where it stands.
    Reset,
    /// Something has to happen by itself before the next step; at most so many milliseconds pass.
    Wait(u64),
    /// The gateway position gets the next script as its new configuration.
    Reconfigure,
}

/// One step of somebody, and the words that stand in the file and in the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub act: Act,
    /// How the file says it.
    pub words: String,
}

impl Action {
    /// Reads one line of a file.
    ///
    /// # Panics
    /// On a line that says nothing known.
    pub fn parse(text: &str) -> Action {
        let words: Vec<&str> = text.split_whitespace().collect();
        let act = match words.as_slice() {
            ["head", rest @ ..] => head(rest),
            ["whole", rest @ .., bytes] => {
                let (headers, line) = line_and_headers(rest);
                Act::Whole { line, headers, body: data(bytes) }
            }
            ["data", bytes] => Act::Data(data(bytes)),
            ["message", bytes] => Act::Message(data(bytes)),
            ["last", bytes] => Act::Last(data(bytes)),
            ["end"] => Act::End,
            ["trailers", rest @ ..] => Act::Trailers(rest.iter().map(|word| pair(word)).collect()),
            ["reset"] => Act::Reset,
            ["wait", limit] => Act::Wait(limit.parse().expect("milliseconds")),
            ["reconfigure"] => Act::Reconfigure,
            other => panic!("no step {other:?}"),
        };
        Action { act, words: words.join(" ") }
    }
}

/// A message as gRPC puts it on the wire, uncompressed.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[0], length.to_be_bytes().as_slice(), message].concat()
}

fn head(words: &[&str]) -> Act {
    let (end, words) = match words {
        [rest @ .., "end"] => (true, rest),
        rest => (false, rest),
    };
    let (headers, line) = line_and_headers(words);
    Act::Head { line, headers, end }
}

fn line_and_headers(words: &[&str]) -> (Vec<(String, String)>, Vec<String>) {
    let (headers, line): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| !word.starts_with('/') && word.contains('='));
    (headers.into_iter().map(pair).collect(), line.into_iter().map(str::to_owned).collect())
}

fn pair(word: &str) -> (String, String) {
    let (name, value) = word.split_once('=').expect("name=value");
    (name.to_owned(), value.to_owned())
}

/// `abc` is itself, `5*ab` five times `ab`, `\x00\xff` bytes.
fn data(word: &str) -> Vec<u8> {
    if let Some((count, what)) = word.split_once('*')
        && let Ok(count) = count.parse()
    {
        return data(what).repeat(count);
    }
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, more) = after.split_at_checked(2).expect("two digits");
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        rest = more;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_steps() {
        let head = Act::Head { line: vec!["GET".into(), "/".into()], headers: vec![("a".into(), "1".into())], end: true };
        assert_eq!(Action::parse("head GET / a=1 end"), Action { act: head, words: "head GET / a=1 end".into() });
        assert_eq!(Action::parse("data 2*a\\x00").act, Act::Data(b"a\0a\0".to_vec()));
        assert_eq!(Action::parse("wait 5").act, Act::Wait(5));
    }
}

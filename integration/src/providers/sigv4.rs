//! AWS Signature Version 4 as a service checks it: the request is signed once more with the secret, and both signatures have to agree.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::{digest, hmac};

use super::Refusal;
use crate::http::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a request's time may be off, in seconds.
const OFF: u64 = 300;

/// Who may ask, and what a signature has to be for.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'s> {
    pub id: &'s str,
    pub secret: &'s str,
    /// What comes with temporary credentials; empty for others.
    pub token: &'s str,
    pub region: &'s str,
    pub service: &'s str,
}

impl Signer<'_> {
    /// Refuses what is not signed by this one, now, as a whole.
    pub fn verify(&self, request: &Request) -> Result<(), Refusal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.verify_at(request, now)
    }

    fn verify_at(&self, request: &Request, now: u64) -> Result<(), Refusal> {
        let header = |name: &str| request.headers.value(name).unwrap_or_default();
        let Some(given) = header("authorization").strip_prefix(ALGORITHM) else { return deny("Missing Authentication Token") };
        let part = |name: &str| {
            let mut parts = given.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let (id, scope) = part("Credential").split_once('/').unwrap_or_default();
        if id != self.id || header("x-amz-security-token") != self.token {
            return deny("The security token included in the request is invalid.");
        }
        let time = header("x-amz-date");
        if seconds(time).is_none_or(|time| time.abs_diff(now) > OFF) {
            return deny(format!("The signature has expired: {time} is not now"));
        }
        let day = time.split('T').next().unwrap_or_default();
        let expected = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        if scope != expected {
            return deny(format!("The credential of the signature should be scoped to {expected}, not {scope}"));
        }
        let signed: Vec<&str> = part("SignedHeaders").split(';').collect();
        let must = |name: &str| name == "host" || name.starts_with("x-amz-");
        if let Some((name, _)) = request.headers.0.iter().find(|(name, _)| must(name) && !signed.contains(&&**name)) {
            return deny(format!("The signature has to be over the header {name}"));
        }
        let hash = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
        if request.headers.value("x-amz-content-sha256").is_some_and(|told| told != hash) {
            return deny("The signature is over another body: x-amz-content-sha256 is not its hash");
        }
        let canonical = canonical(request, &signed, &hash);
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key = [day, self.region, self.service, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, word| mac(&key, word));
        if part("Signature") != hex(&mac(&key, &format!("{ALGORITHM}\n{time}\n{scope}\n{hashed}"))) {
            let words =
                "The request signature we calculated does not match the signature you provided. The canonical string should have been";
            return deny(format!("{words} '{canonical}'"));
        }
        Ok(())
    }
}

/// The canonical request. Of every service but S3 the path is escaped once more than it was sent.
fn canonical(request: &Request, signed: &[&str], hash: &str) -> String {
    let mut query: Vec<&str> =
        request.target.split_once('?').map_or("", |(_, query)| query).split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", request.method, escaped(request.path()), query.join("&"));
    for name in signed {
        let values: Vec<&str> = request.headers.0.iter().filter(|(one, _)| one == name).map(|(_, value)| value.trim()).collect();
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    let _ = write!(text, "\n{}\n{hash}", signed.join(";"));
    text
}

fn escaped(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn mac(key: &[u8], word: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), word.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20261128T051930Z` as Unix time.
fn seconds(time: &str) -> Option<u64> {
    let digits: String = time.strip_suffix('Z')?.split('T').collect();
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    // A year that begins with March has its leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let day = days.checked_sub(719_469)?;
    Some(day * 86_400 + number(8, 10)? * 3_600 + number(10, 12)? * 60 + number(12, 14)?)
}

fn deny<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status: 403, message: message.into(), param: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    /// The example `get-vanilla` of AWS's test suite for the algorithm.
    #[test]
    fn the_example_of_aws_verifies_and_nothing_near_it() {
        const SIGNATURE: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let signer = Signer {
            id: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token: "",
            region: "us-east-1",
            service: "service",
        };
        let authorization = format!(
            "{ALGORITHM} Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
        );
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"), ("authorization", &authorization)];
        let request = Request {
            method: "GET".into(),
            target: "/".into(),
            headers: Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            body: Vec::new(),
            trailers: Headers::default(),
        };
        let now = 1_440_938_160;
        assert_eq!(seconds("20150830T123600Z"), Some(now));
        assert_eq!(signer.verify_at(&request, now), Ok(()));
        let changed = |change: &dyn Fn(&mut Request)| {
            let mut request = request.clone();
            change(&mut request);
            signer.verify_at(&request, now).unwrap_err().message
        };
        assert!(changed(&|request| request.target.push('x')).contains("does not match"));
        assert!(changed(&|request| request.body.push(b'x')).contains("does not match"));
        assert!(changed(&|request| request.headers.0.push(("x-amz-more".into(), "x".into()))).contains("over the header x-amz-more"));
        assert!(changed(&|request| request.headers.0.push(("x-amz-security-token".into(), "x".into()))).contains("security token"));
        assert!(signer.verify_at(&request, now + OFF + 1).unwrap_err().message.contains("expired"));
        assert!(Signer { region: "eu-west-1", ..signer }.verify_at(&request, now).unwrap_err().message.contains("scoped to"));
        assert!(Signer { secret: "other", ..signer }.verify_at(&request, now).unwrap_err().message.contains("does not match"));
    }

    #[test]
    fn an_escaped_path_is_escaped_again() {
        assert_eq!(escaped("/model/a.b-v1%3A0/converse"), "/model/a.b-v1%253A0/converse");
    }
}

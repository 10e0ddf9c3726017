//! Google's paths, in which the model and the method stand: below a version, with or without a project, behind the publisher of the model.

use super::head::{Head, decoded};

/// What stands before the paths where a base URL was given for this format alone.
const PREFIX: &str = "/gemini";

/// The versions of the API that clients name.
const VERSIONS: [&str; 4] = ["v1beta1", "v1beta", "v1alpha", "v1"];

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `generateContent`
    Generate,
    /// `streamGenerateContent`
    Stream,
    /// `countTokens`
    Count,
    /// `rawPredict`: an answer in the publisher's own format.
    Raw,
    /// `streamRawPredict`: the same as a stream.
    StreamRaw,
}

/// The words of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called<'h> {
    /// Whose model it is: `google` where the path does not say.
    pub publisher: &'h str,
    /// The model, without percent escapes.
    pub model: String,
    /// What is asked of it.
    pub method: Method,
}

/// The words of a path of `[/gemini]/VERSION[/projects/P/locations/L][/publishers/P]/models/MODEL:METHOD`; `None` where it is another one.
#[must_use]
pub fn called<'h>(head: &Head<'h>) -> Option<Called<'h>> {
    let path = below_version(head.bare())?;
    let path = match path.strip_prefix("projects/") {
        Some(path) => {
            let (_, path) = path.split_once("/locations/").filter(|(project, _)| is_segment(project))?;
            path.split_once('/').filter(|(location, _)| is_segment(location))?.1
        }
        None => path,
    };
    let (publisher, path) = match path.strip_prefix("publishers/") {
        Some(path) => path.split_once('/').filter(|(publisher, _)| is_segment(publisher))?,
        None => ("google", path),
    };
    // The colon may come escaped, and a model's name may hold one.
    let named = decoded(path.strip_prefix("models/")?);
    let (model, method) = named.rsplit_once(':').filter(|(model, _)| !model.is_empty())?;
    let method = match method {
        "generateContent" => Method::Generate,
        "streamGenerateContent" => Method::Stream,
        "countTokens" => Method::Count,
        "rawPredict" => Method::Raw,
        "streamRawPredict" => Method::StreamRaw,
        _ => return None,
    };
    Some(Called { publisher, model: model.to_owned(), method })
}

/// Whether a path asks for the list of models.
#[must_use]
pub fn lists_models(bare: &str) -> bool {
    // OpenAI's path of that name is told apart by headers, unless it stands below the prefix.
    below_version(bare) == Some("models") && bare != "/v1/models"
}

fn below_version(bare: &str) -> Option<&str> {
    let path = bare.strip_prefix(PREFIX).filter(|path| path.starts_with('/')).unwrap_or(bare).strip_prefix('/')?;
    VERSIONS.into_iter().find_map(|version| path.strip_prefix(version)?.strip_prefix('/'))
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_clouds() {
        for (path, publisher, model, method) in [
            ("/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse", "google", "gemini-3-pro", Method::Stream),
            ("/v1/models/a%2Fb%3Ac:generateContent", "google", "a/b:c", Method::Generate),
            ("/gemini/v1beta/models/org/m%3AcountTokens", "google", "org/m", Method::Count),
            ("/v1/projects/p/locations/l/publishers/anthropic/models/claude@2:rawPredict", "anthropic", "claude@2", Method::Raw),
            ("/v1beta1/publishers/google/models/m:generateContent", "google", "m", Method::Generate),
            ("/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict", "anthropic", "c", Method::StreamRaw),
        ] {
            assert_eq!(called(&Head::new(path)), Some(Called { publisher, model: model.to_owned(), method }), "{path}");
        }
        for path in [
            "/v1beta/models/m",
            "/v1beta/models/m:embedContent",
            "/v1beta/models/:generateContent",
            "/v2/models/m:generateContent",
            "/v1/projects/p/models/m:generateContent",
            "/v1/projects/p/q/locations/l/publishers/google/models/m:generateContent",
            "/geminiv1/models/m:generateContent",
            "/v1/chat/completions",
        ] {
            assert_eq!(called(&Head::new(path)), None, "{path}");
        }
        assert_eq!(["/v1beta/models", "/gemini/v1/models", "/v1/models", "/v1beta/models/m"].map(lists_models), [true, true, false, false]);
    }
}

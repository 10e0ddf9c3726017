//! However request and answer are cut, provider and client get the same: every scenario at every offset of both bodies.

use super::limiter::{Limiter, limited, untouched};
use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, STREAM, ask, envoy, pair, provider, stream, unused, wiring};
use super::stories::{MESSAGES, RESPONSES, streamed, timeless};
use super::translated;
use std::cell::Cell;
use std::rc::Rc;
use weir_testing::{HeaderMap, Play, Proxy, Request, Sent, bytewise};

/// How a body comes.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    /// In two pieces.
    At(usize),
    Bytes,
    /// In two pieces, and the end by itself.
    Alone(usize),
    /// In two pieces, and the end with trailers.
    Trailers(usize),
}

impl Cut {
    fn pieces(self, body: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Cut::Whole => vec![body.to_vec()],
            Cut::Bytes => bytewise(body),
            Cut::At(at) | Cut::Alone(at) | Cut::Trailers(at) => {
                let (head, tail) = body.split_at(at.min(body.len()));
                [head, tail].into_iter().filter(|piece| !piece.is_empty()).map(<[u8]>::to_vec).collect()
            }
        }
    }

    fn trailers(self) -> Option<HeaderMap> {
        matches!(self, Cut::Trailers(_)).then(|| [("x-checksum", "1")].into_iter().collect())
    }

    fn play(self, status: u16, media: &str, body: &[u8]) -> Play {
        let play = Play::answer(status).header("content-type", media).pieces(self.pieces(body));
        match (self, self.trailers()) {
            (Cut::Alone(_), _) => play.end_alone(),
            (_, Some(trailers)) => play.trailers(trailers),
            _ => play,
        }
    }

    fn request(self, request: &Request, body: &[u8]) -> Request {
        let mut pieces = self.pieces(body);
        if matches!(self, Cut::Alone(_)) {
            pieces.push(Vec::new());
        }
        let request = request.clone().pieces(pieces);
        self.trailers().map_or(request.clone(), |trailers| request.trailers(trailers))
    }
}

/// The cut of the answers of this run, which the providers look up.
type Answers = Rc<Cell<Cut>>;

/// A scenario: who plays, and what the client sends.
struct Scene {
    name: &'static str,
    proxy: Box<dyn Fn(&Answers) -> Proxy>,
    request: Request,
    body: String,
    /// The longest answer of a provider.
    longest: usize,
}

const ERROR: &str = r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#;
const EVENT: &str = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}\n\n";
const MISTAKE: &str = r#"{"error":{"message":"no such tool","type":"invalid_request_error","param":"tools","code":null}}"#;

/// One answer, cut as the run wants.
fn says(cut: &Answers, status: u16, body: impl Into<Vec<u8>>) -> impl FnMut(&Sent) -> Play + 'static {
    let (cut, body) = (cut.clone(), body.into());
    let media = if body.starts_with(b"{") { "application/json" } else { "text/event-stream" };
    move |_| cut.get().play(status, media, &body)
}

fn chat(name: &'static str, body: &str, alpha: (u16, Vec<u8>), beta: Option<(u16, Vec<u8>)>) -> Scene {
    let longest = alpha.1.len().max(beta.as_ref().map_or(0, |(_, body)| body.len()));
    let proxy = move |cut: &Answers| {
        let first = says(cut, alpha.0, alpha.1.clone());
        match &beta {
            Some((status, body)) => pair(first, says(cut, *status, body.clone())),
            None => pair(first, unused),
        }
    };
    Scene { name, proxy: Box::new(proxy), request: ask(body), body: body.to_owned(), longest }
}

fn claude(name: &'static str, body: &str, status: u16, answer: &'static str) -> Scene {
    let proxy = move |cut: &Answers| translated::claude(says(cut, status, answer));
    Scene { name, proxy: Box::new(proxy), request: ask(body), body: body.to_owned(), longest: answer.len() }
}

/// A client of another format at this path, and a provider that speaks chat or Messages.
fn foreign(name: &'static str, path: &'static str, body: &str, messages: bool, answer: impl Into<Vec<u8>>) -> Scene {
    let answer = answer.into();
    let (request, longest) = (Request::new("POST", path).header("content-type", "application/json"), answer.len());
    let proxy = move |cut: &Answers| {
        let says = says(cut, 200, answer.clone());
        if messages { translated::claude(says) } else { speaking_chat(says, unused) }
    };
    Scene { name, proxy: Box::new(proxy), request, body: body.to_owned(), longest }
}

/// [`pair`] with providers that speak chat alone, whatever their kinds speak.
pub fn speaking_chat(first: impl FnMut(&Sent) -> Play + 'static, second: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    let document = DOCUMENT.replacen("{\"kind\": \"openai\", ", "{\"kind\": \"openai\", \"speaks\": [\"chat\"], ", 1);
    envoy(&document, wiring().cluster("alpha", provider("alpha", first)).cluster("beta", provider("beta", second)))
}

fn refused(name: &'static str, body: &str) -> Scene {
    Scene { name, proxy: Box::new(|_| pair(unused, unused)), request: ask(body), body: body.to_owned(), longest: 0 }
}

fn budgeted(name: &'static str, limit: u64) -> Scene {
    let proxy = move |cut: &Answers| {
        let alpha = if limit == 0 { untouched("alpha") } else { provider("alpha", says(cut, 200, ANSWER)) };
        limited("deny", &Limiter::new(limit), alpha, untouched("beta"))
    };
    Scene { name, proxy: Box::new(proxy), request: ask(ASK).header("x-team", "blue"), body: ASK.to_owned(), longest: ANSWER.len() }
}

fn passed(name: &'static str, answer: Vec<u8>) -> Scene {
    let longest = answer.len();
    let document = DOCUMENT.replacen("\"models\": [", r#""endpoints": [{"prefix": "/v1/files", "provider": "alpha"}], "models": ["#, 1);
    let proxy = move |cut: &Answers| {
        let alpha = provider("alpha", says(cut, 200, answer.clone()));
        envoy(&document, wiring().cluster("alpha", alpha).cluster("beta", provider("beta", unused)))
    };
    let request = Request::new("POST", "/v1/files?purpose=x").header("authorization", "Bearer key-of-client");
    Scene { name, proxy: Box::new(proxy), request, body: "anything, unread".to_owned(), longest }
}

fn scenes() -> Vec<Scene> {
    let usage = ASK_STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    vec![
        chat("whole", ASK, (200, ANSWER.into()), None),
        chat("stream", ASK_STREAM, (200, stream()), None),
        chat("stream with usage", &usage, (200, stream()), None),
        chat("failover", ASK, (500, ERROR.into()), Some((200, ANSWER.into()))),
        chat("failover of a stream", ASK_STREAM, (200, EVENT.into()), Some((200, stream()))),
        chat("both fail", ASK, (500, ERROR.into()), Some((503, ERROR.into()))),
        chat("the client's mistake", ASK, (400, MISTAKE.into()), None),
        claude("translated", ASK, 200, translated::ANSWER),
        claude("translated stream", ASK_STREAM, 200, translated::STREAM),
        claude("translated error", ASK, 529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        foreign("Messages to chat", "/v1/messages", MESSAGES, false, ANSWER),
        foreign("Messages to chat, streamed", "/v1/messages", &streamed(MESSAGES), false, stream()),
        foreign("Messages, streamed", "/v1/messages", &streamed(MESSAGES), true, translated::STREAM),
        foreign("Responses to chat", "/v1/responses", RESPONSES, false, ANSWER),
        foreign("Responses to chat, streamed", "/v1/responses", &streamed(RESPONSES), false, stream()),
        foreign("Responses to Messages, streamed", "/v1/responses", &streamed(RESPONSES), true, translated::STREAM),
        refused("no such model", &ASK.replace("smart", "none")),
        refused("no JSON", "{\"model\":\"smart\",\"messages\":["),
        refused("no messages", "{\"model\":\"smart\"}"),
        budgeted("within the budget", 1_000_000),
        budgeted("over the budget", 0),
        passed("passed", b"{\"id\":\"file-1\"}".to_vec()),
        passed("passed stream", stream()),
    ]
}

/// What everybody got: the client's status, body and end, and each provider's cluster and body.
type Seen = (u16, String, bool, Vec<(String, String)>);

fn run(proxy: &mut Proxy, request: &Request) -> Seen {
    let id = proxy.exchange(request).unwrap();
    let received = proxy.received(id);
    let sent = proxy.sent(id).iter().map(|sent| (sent.cluster.clone(), String::from_utf8_lossy(&sent.body).into_owned())).collect();
    (received.status(), timeless(&received.text()), received.ended, sent)
}

/// One VM serves all cuts of a scenario, so that what one exchange leaves behind would show in the next; but a provider that has failed
/// is left alone for a while, so such scenarios have a VM for each cut.
fn same_at(cuts_of: impl Fn(&Scene) -> Vec<(Cut, Cut)>) {
    for scene in scenes() {
        let answers: Answers = Rc::new(Cell::new(Cut::Whole));
        let mut proxy = (scene.proxy)(&answers);
        let whole = run(&mut proxy, &Cut::Whole.request(&scene.request, scene.body.as_bytes()));
        let memory = proxy.host_mut().memory();
        for (request, answer) in cuts_of(&scene) {
            answers.set(answer);
            if whole.3.len() > 1 || whole.0 >= 500 {
                proxy = (scene.proxy)(&answers);
            }
            let seen = run(&mut proxy, &request.request(&scene.request, scene.body.as_bytes()));
            assert_eq!(seen, whole, "{}: request {request:?}, answer {answer:?}", scene.name);
        }
        assert!(proxy.host_mut().memory() <= memory + (1 << 20), "{}: the memory grows", scene.name);
    }
}

#[test]
fn requests_at_every_cut() {
    same_at(|scene| {
        let offsets = 0..=scene.body.len();
        let each = offsets.flat_map(|at| [Cut::At(at), Cut::Alone(at), Cut::Trailers(at)]);
        each.chain([Cut::Bytes]).map(|cut| (cut, Cut::Whole)).collect()
    });
}

#[test]
fn answers_at_every_cut() {
    same_at(|scene| {
        let offsets = 0..=scene.longest;
        let each = offsets.flat_map(|at| [Cut::At(at), Cut::Alone(at), Cut::Trailers(at)]);
        each.chain([Cut::Bytes]).map(|cut| (Cut::Whole, cut)).collect()
    });
}

#[test]
fn a_stream_that_ends_early_at_every_cut() {
    let early = STREAM.as_bytes()[..STREAM.len() * 3 / 5].to_vec();
    let answers: Answers = Rc::new(Cell::new(Cut::Whole));
    // A provider whose streams break is left alone otherwise.
    let document = DOCUMENT.replacen(r#""kind": "openai","#, r#""kind": "openai", "cooldown": {"failures": 0},"#, 1);
    let alpha = provider("alpha", says(&answers, 200, early.clone()));
    let mut proxy = envoy(&document, wiring().cluster("alpha", alpha).cluster("beta", provider("beta", unused)));
    let whole = run(&mut proxy, &ask(ASK_STREAM));
    assert!(whole.1.contains("the provider's stream ended early") && !whole.1.contains("[DONE]"), "{}", whole.1);
    for at in 0..=early.len() {
        for cut in [Cut::At(at), Cut::Alone(at)] {
            answers.set(cut);
            assert_eq!(run(&mut proxy, &ask(ASK_STREAM)), whole, "{cut:?}");
        }
        // Behind a body that has gone on there is no buffer in which to tell it: the stream is reset.
        answers.set(Cut::Trailers(at));
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let received = proxy.received(id);
        assert!(received.reset || received.text() == whole.1, "cut at {at}: {}", received.text());
        assert!(!received.text().contains("[DONE]"), "cut at {at}: {}", received.text());
    }
}

//! Runs one scenario in the test host.

use super::others;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use weir_facts::{Act, Action, Failure, Front, Got, Reached, Scenario, Upstream, framed, probe};
use weir_testing::{
    Answer, Cluster, Error, ExchangeId, FailurePolicy, HeaderMap, Host, Module, Options, Play, Plugin, Proxy, Reply, Rpc, RpcPlay, Sent,
    Status, Wiring,
};

/// What notes of the test's own begin with, in the host's transcript.
const NOTE: &str = "fact: ";

/// The transcript of this scenario.
pub fn run(scenario: &Scenario) -> String {
    let mut proxy = proxy(scenario);
    let mut clients: BTreeMap<usize, ExchangeId> = BTreeMap::new();
    let mut scripts = scenario.down.iter().skip(1);
    let mut live = || -> Result<(), Error> {
        for (client, action) in &scenario.clients {
            let number = if *client == 1 { String::new() } else { format!(" {client}") };
            proxy.host_mut().note(format!("{NOTE}client{number}: {}", action.words));
            for act in others::in_front(scenario.front, &action.act) {
                step(&mut proxy, &mut clients, *client, &act, &mut scripts, scenario)?;
            }
        }
        clients.values().try_for_each(|id| proxy.finish(*id))
    };
    // A failure is a line of its own, which no Envoy has.
    let failure = match live() {
        Ok(()) => String::new(),
        Err(Error::EnvoyCrash { .. }) => return log_until(&proxy, scenario) + "-- Envoy crashed\n",
        Err(error) => format!("(the host failed: {error})\n"),
    };
    transcript(&proxy, scenario, &clients) + &failure
}

fn proxy(scenario: &Scenario) -> Proxy {
    let plugin = |root: &str, script: &str| {
        let plugin = Plugin::new(root, script);
        if scenario.stop_iteration { plugin.stop_iteration() } else { plugin }
    };
    let mut plugins = vec![plugin("down", &scenario.down[0])];
    plugins.extend(scenario.up.as_ref().map(|script| plugin("up", script)));
    let mut options = Options::plugins(plugins);
    options.vm_id = "facts".to_owned();
    options.buffer_limit = scenario.route_limit.or(scenario.limit).unwrap_or(options.buffer_limit);
    options.environment.clone_from(&scenario.environment);
    options.vm_configuration = scenario.vm_configuration.clone().unwrap_or_default().into_bytes();
    options.log_level = 2;
    options.failure = match scenario.failure {
        Failure::Closed => FailurePolicy::Closed,
        Failure::Open => FailurePolicy::Open,
        Failure::Reload => FailurePolicy::Reload(Duration::from_millis(20)),
    };
    let module = Module::load(probe::build(Path::new(env!("CARGO_TARGET_TMPDIR")))).unwrap();
    let mut host = Host::start(&module, options).unwrap_or_else(|error| panic!("{error:?}"));
    let mut wiring = Wiring::new("down", "wasm.next").retry(&scenario.retry_on, scenario.retries);
    wiring.per_try = scenario.per_try.map(Duration::from_millis);
    wiring.timeout = scenario.timeout.map(Duration::from_millis);
    wiring.stream_idle = scenario.route_idle.or(scenario.idle).map(Duration::from_millis);
    if let Some(back) = scenario.behind {
        wiring = wiring.behind(move |_| others::behind(back));
    }
    wiring.on_no_match = scenario.clusters.first().map(|(name, _)| name.clone());
    if scenario.up.is_some() {
        wiring = wiring.upstream("up");
    }
    if scenario.http2 {
        wiring = wiring.property(&["request", "protocol"], "HTTP/2");
    }
    for (name, upstream) in &scenario.clusters {
        let cluster = cluster(upstream).metadata("facts", "name", name);
        wiring = wiring.cluster(name, if scenario.plain.contains(name) { cluster.without_upstream() } else { cluster });
        match upstream {
            Upstream::Plays(_) | Upstream::Says(..) => {}
            Upstream::Refuses => {
                host.cluster(name, |_| Answer::Refused);
                host.rpc(name, |_| RpcPlay::refused());
            }
            Upstream::Empty => {
                host.cluster(name, |_| Answer::Fails(Status::InternalFailure));
                host.rpc(name, |_| RpcPlay::no_host());
            }
        }
    }
    for (name, actions) in &scenario.callouts {
        let answer = answer(actions);
        host.cluster(name, move |_| answer.clone());
    }
    for (name, actions) in &scenario.rpcs {
        let play = others::rpc(actions);
        // Its server answers a whole request.
        host.rpc(name, move |rpc| if rpc.ended { play.clone() } else { RpcPlay::silence() });
    }
    Proxy::new(host, wiring)
}

/// A cluster whose server plays the first play for its first request, and the last one for all that have none of their own.
fn cluster(upstream: &Upstream) -> Cluster {
    match upstream {
        Upstream::Refuses => Cluster::refusing(),
        Upstream::Empty => Cluster::empty(),
        Upstream::Says(status, body) => {
            let (head, body) = ([(":status", status.to_string())].into_iter().collect::<HeaderMap>(), body.clone());
            Cluster::new(move |_| Play::default().headers(head.clone(), false).data(&body, true))
        }
        Upstream::Plays(plays) => {
            let (plays, mut asked) = (plays.clone(), 0);
            Cluster::new(move |_| {
                asked += 1;
                play(plays.get(asked - 1).or(plays.last()).unwrap())
            })
        }
    }
}

fn play(actions: &[Action]) -> Play {
    actions.iter().fold(Play::default(), |play, action| match &action.act {
        Act::Head { line, headers, end } => {
            let head: HeaderMap =
                [(":status", line[0].clone())].into_iter().chain(headers.iter().map(|(n, v)| (n.as_str(), v.clone()))).collect();
            play.headers(head, *end)
        }
        Act::Data(bytes) => play.data(bytes, false),
        Act::Last(bytes) => play.data(bytes, false).data(b"", true),
        Act::End => play.data(b"", true),
        Act::Trailers(trailers) => play.trailers(trailers.iter().cloned().collect()),
        Act::Reset => play.reset(),
        Act::Wait(limit) => play.wait(Duration::from_millis(*limit)),
        Act::Whole { .. } | Act::Message(_) | Act::Reconfigure => panic!("no step of an upstream: {}", action.words),
    })
}

/// What a server for callouts does, as one whole answer.
fn answer(actions: &[Action]) -> Answer {
    let (mut reply, mut late) = (Reply::default(), Duration::ZERO);
    for action in actions {
        match &action.act {
            Act::Head { line, headers, .. } => {
                reply.headers.add(":status", &line[0]);
                headers.iter().for_each(|(name, value)| reply.headers.add(name, value));
            }
            Act::Data(bytes) | Act::Last(bytes) => reply.body.extend_from_slice(bytes),
            Act::End => {}
            Act::Trailers(trailers) => reply.trailers = trailers.iter().cloned().collect(),
            Act::Reset if reply.headers.is_empty() => return Answer::Broken,
            Act::Reset => return Answer::Reset,
            Act::Wait(limit) => late += Duration::from_millis(*limit),
            Act::Whole { .. } | Act::Message(_) | Act::Reconfigure => panic!("no step of an upstream: {}", action.words),
        }
    }
    if late.is_zero() { Answer::Reply(reply) } else { Answer::After(late, Box::new(Answer::Reply(reply))) }
}

fn step<'s>(
    proxy: &mut Proxy,
    clients: &mut BTreeMap<usize, ExchangeId>,
    client: usize,
    act: &Act,
    scripts: &mut impl Iterator<Item = &'s String>,
    scenario: &Scenario,
) -> Result<(), Error> {
    match act {
        Act::Head { line, headers, end } => {
            let id = match scenario.front {
                Some(Front::Refuses) => proxy.turned_away(head(line, headers), 403, "RBAC: access denied")?,
                Some(Front::Decompressor) | None => proxy.open(head(line, headers), *end)?,
            };
            clients.insert(client, id);
            return Ok(());
        }
        Act::Whole { line, headers, body } => {
            let mut head = head(line, headers);
            head.add("content-length", body.len().to_string());
            let id = proxy.open(head, false)?;
            clients.insert(client, id);
            return proxy.send_data(id, body, true);
        }
        Act::Reconfigure => return proxy.host_mut().reconfigure("down", scripts.next().unwrap()),
        Act::Wait(limit) => return proxy.advance(Duration::from_millis(*limit)),
        Act::Data(_) | Act::Last(_) | Act::Message(_) | Act::End | Act::Trailers(_) | Act::Reset => {}
    }
    let Some(id) = clients.get(&client).copied() else { panic!("client {client} has not begun") };
    match act {
        Act::Head { .. } | Act::Whole { .. } | Act::Message(_) | Act::Wait(_) | Act::Reconfigure => Ok(()),
        Act::Data(bytes) => proxy.send_data(id, bytes, false),
        Act::Last(bytes) => {
            proxy.send_data(id, bytes, false)?;
            proxy.send_data(id, b"", true)
        }
        Act::End => proxy.send_data(id, b"", true),
        Act::Trailers(trailers) => proxy.send_trailers(id, trailers.iter().cloned().collect()),
        Act::Reset => proxy.abort(id),
    }
}

fn head(line: &[String], headers: &[(String, String)]) -> HeaderMap {
    let pseudo = [(":authority", "a"), (":path", line[1].as_str()), (":method", line[0].as_str()), (":scheme", "http")];
    pseudo.into_iter().chain(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
}

/// What the probe logged, what clients and upstreams did.
fn log_until(proxy: &Proxy, scenario: &Scenario) -> String {
    let mut played: BTreeMap<&str, Vec<Option<&Action>>> = BTreeMap::new();
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = String::new();
    for line in proxy.host().transcript().lines() {
        if let Some((_, said)) = line.split_once(probe::MARK).filter(|_| line.contains("proxy_log(") || line.contains("fd_write(")) {
            out.push_str(said.strip_suffix(") -> Ok").unwrap_or(said));
            out.push('\n');
        } else if let Some(note) = line.strip_prefix(NOTE) {
            out.push_str(note);
            out.push('\n');
        } else if let Some(name) = line.strip_prefix("provider ").and_then(|rest| rest.strip_suffix(" is asked")) {
            played.remove(name);
        } else if let Some(name) = line.strip_prefix("provider ") {
            let Some((name, Upstream::Plays(plays))) = scenario.clusters.iter().find(|(known, _)| known == name) else { continue };
            let steps = played.entry(name).or_default();
            if steps.is_empty() {
                let nth = begun.entry(name).or_default();
                // The end that comes by itself behind the last bytes is a step of the host, and none of the server.
                let ends = |action: &Action| matches!(action.act, Act::Last(_));
                let play = plays.get(*nth).or(plays.last()).unwrap();
                steps.extend(play.iter().flat_map(|action| [Some(Some(action)), ends(action).then_some(None)]).flatten());
                steps.reverse();
                *nth += 1;
            }
            if let Some(action) = steps.pop().flatten() {
                out.push_str(&format!("{name}: {}\n", action.words));
            }
        }
    }
    out
}

/// The same, and at the end what clients and upstreams got.
fn transcript(proxy: &Proxy, scenario: &Scenario, clients: &BTreeMap<usize, ExchangeId>) -> String {
    let mut out = log_until(proxy, scenario);
    let mut arrived: Vec<String> = Vec::new();
    let plays = |name: &str| scenario.clusters.iter().any(|(known, upstream)| known == name && matches!(upstream, Upstream::Plays(_)));
    let sent = clients.values().flat_map(|id| proxy.sent(*id)).filter(|sent| sent.complete && plays(&sent.cluster));
    arrived.extend(sent.map(|sent| reached(sent, &scenario.look).to_string()));
    for callout in proxy.host().callouts().iter().filter(|callout| scenario.callouts.iter().any(|(name, _)| *name == callout.cluster)) {
        let reached = Reached {
            cluster: callout.cluster.clone(),
            line: line(&callout.headers),
            headers: looked(&callout.headers, &scenario.look),
            body: callout.body.clone(),
            trailers: pairs(&callout.trailers),
        };
        arrived.push(reached.to_string());
    }
    arrived.extend(
        proxy
            .host()
            .rpcs()
            .iter()
            .filter(|rpc| rpc.ended && !rpc.cancelled && scenario.rpcs.iter().any(|(name, _)| *name == rpc.cluster))
            .map(|rpc| called(rpc, &scenario.look).to_string()),
    );
    arrived.sort();
    arrived.iter().for_each(|line| out.push_str(&format!("{line}\n")));
    for (client, id) in clients {
        let received = proxy.received(*id);
        let got = Got {
            client: *client,
            status: received.status(),
            headers: received.headers.as_ref().map(|map| looked(map, &scenario.look)).unwrap_or_default(),
            body: received.body(),
            trailers: received.trailers.as_ref().map(pairs).unwrap_or_default(),
            whole: received.ended,
        };
        out.push_str(&format!("{got}\n"));
    }
    out
}

fn reached(sent: &Sent, look: &[String]) -> Reached {
    Reached {
        cluster: sent.cluster.clone(),
        line: line(&sent.headers),
        headers: looked(&sent.headers, look),
        body: sent.body.clone(),
        trailers: sent.trailers.as_ref().map(pairs).unwrap_or_default(),
    }
}

fn called(rpc: &Rpc, look: &[String]) -> Reached {
    let (line, body) = (format!("POST /{}/{}", rpc.service, rpc.method), rpc.messages.iter().flat_map(|message| framed(message)).collect());
    Reached { cluster: rpc.cluster.clone(), line, headers: looked(&rpc.metadata, look), body, trailers: Vec::new() }
}

fn line(map: &HeaderMap) -> String {
    format!("{} {}", map.get(":method").unwrap_or_default(), map.get(":path").unwrap_or_default())
}

fn looked(map: &HeaderMap, look: &[String]) -> Vec<String> {
    look.iter().flat_map(|name| map.all(name).into_iter().map(move |value| format!("{name}={value}"))).collect()
}

fn pairs(map: &HeaderMap) -> Vec<String> {
    map.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect()
}

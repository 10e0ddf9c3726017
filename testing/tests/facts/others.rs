//! Who else takes part in a scenario: Envoy's own filters in front of the probe, and gRPC services.

use flate2::read::GzDecoder;
use std::io::Read;
use std::time::Duration;
use weir_facts::{Act, Action, Back, Front};
use weir_testing::{HeaderMap, LocalReply, RpcPlay, Verdict};

/// What comes to the probe of a client's step.
pub fn in_front(front: Option<Front>, act: &Act) -> Vec<Act> {
    if front != Some(Front::Decompressor) {
        return vec![act.clone()];
    }
    match act {
        Act::Head { line, headers, end } => {
            let stays = |(name, _): &&(String, String)| !["content-encoding", "content-length"].contains(&name.as_str());
            vec![Act::Head { line: line.clone(), headers: headers.iter().filter(stays).cloned().collect(), end: *end }]
        }
        // A scenario sends all that is compressed in one step: what comes of it is whole, and its end is that of the trailers.
        Act::Last(bytes) => {
            let mut inflated = Vec::new();
            GzDecoder::new(bytes.as_slice()).read_to_end(&mut inflated).unwrap();
            let count = |name: &str, size: usize| (format!("x-envoy-decompressor-gzip-{name}-bytes"), size.to_string());
            let trailers = vec![count("compressed", bytes.len()), count("uncompressed", inflated.len())];
            vec![Act::Data(inflated), Act::Data(Vec::new()), Act::Trailers(trailers)]
        }
        other => vec![other.clone()],
    }
}

/// What Envoy's own filter behind the gateway position does with a request.
pub fn behind(back: Back) -> Verdict {
    let reply = |status, details: &str, body: &str| {
        Verdict::Reply(LocalReply { status, details: details.to_owned(), headers: Vec::new(), body: body.as_bytes().to_vec() })
    };
    match back {
        Back::Refuses => reply(403, "rbac_access_denied_matched_policy[nobody]", "RBAC: access denied"),
        Back::Delays(millis) => Verdict::After(Duration::from_millis(millis), Box::new(Verdict::Pass)),
        Back::Aborts(millis, status) => {
            let abort = reply(u32::from(status), "fault_filter_abort", "fault filter abort");
            Verdict::After(Duration::from_millis(millis), Box::new(abort))
        }
    }
}

/// What a gRPC service does once it has the whole request.
pub fn rpc(actions: &[Action]) -> RpcPlay {
    actions.iter().fold(RpcPlay::default(), |play, action| match &action.act {
        Act::Head { line, .. } if line[0] != "200" => RpcPlay::http(line[0].parse().unwrap()),
        Act::End => play.without_trailers(),
        // What comes behind an answer that is no gRPC counts no more.
        Act::Data(_) => play,
        Act::Head { headers, .. } => play.metadata(headers.iter().cloned().collect()),
        Act::Message(bytes) => play.message(bytes),
        Act::Trailers(trailers) => {
            let map: HeaderMap = trailers.iter().cloned().collect();
            let code = map.get("grpc-status").and_then(|code| code.parse().ok()).unwrap_or(2);
            let text = map.get("grpc-message").unwrap_or_default().to_owned();
            play.trailers(map).close(code, &text)
        }
        Act::Wait(limit) => play.wait(Duration::from_millis(*limit)),
        Act::Reset => play.reset(),
        Act::Whole { .. } | Act::Last(_) | Act::Reconfigure => {
            panic!("no step of a gRPC service: {}", action.words)
        }
    })
}

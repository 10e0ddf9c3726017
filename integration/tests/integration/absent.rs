//! Providers that no request gets to, at each place of a plan: a closed port, a name that nobody has, servers that Envoy has ejected, a
//! handshake that nobody takes up; and one that takes them up late.
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_core::routing::Failover;
use weir_integration::dns::NameServer;
use weir_integration::gateway::Settings;
use weir_integration::process;
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::positions::{NAMES, ORDERS, Three, outcomes};
use crate::world::{OPENAI_KEY, ask, ask_stream, in_both_forms, said, settings};

in_both_forms! {
    one_that_cannot_be_reached_is_passed_at_each_place,
    one_that_takes_up_no_handshake_is_passed_at_each_place,
    one_that_takes_up_connections_late_is_waited_for_at_each_place,
}

/// Whose absence the priorities form does not even notice: Envoy has nobody there.
const WITHOUT_A_HOST: [&str; 3] = ["nameless", "nameless-secure", "ejected"];

/// Envoy leaves out whoever of `endpoints` fails once, were it the only one, and for longer than a test runs. Weir renders no such thing.
fn eject_the_only_one(folder: &Path) {
    let file = folder.join("xds/clusters.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let policy = "  lb_policy: LEAST_REQUEST\n";
    let detection =
        "  outlier_detection: { consecutive_5xx: 1, base_ejection_time: 600s, max_ejection_percent: 1, always_eject_one_host: true }\n";
    assert!(text.contains(policy), "{text}");
    std::fs::write(file, text.replace(policy, &format!("{policy}{detection}"))).unwrap();
}

/// What the record says of attempts at one that is absent, at this place of three.
fn passed(form: Failover, absent: &str) -> &'static [&'static str] {
    if form == Failover::Priorities && WITHOUT_A_HOST.contains(&absent) { &[] } else { &["unreachable"] }
}

fn one_that_cannot_be_reached_is_passed_at_each_place(form: Failover) {
    let names = NameServer::start().unwrap();
    let ejected = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let (closed, server) = (process::free_port(), ejected.endpoint(Vendor::OpenAi));
    let kind = "kind: openai-compatible, speaks: [chat], auth: { bearer: { env: TEST_OPENAI_KEY } }, cooldown: { failures: 0 }";
    let more = format!(
        "  closed: {{ {kind}, endpoint: \"http://127.0.0.1:{closed}/v1\" }}\n  nameless: {{ {kind}, endpoint: \"http://nowhere.test/v1\" }}\n  nameless-secure: {{ {kind}, endpoint: \"https://nowhere.test/v1\" }}\n  ejected: {{ {kind}, endpoints: [ \"{server}\" ] }}\n"
    );
    let absent = ["closed", "nameless", "nameless-secure", "ejected"];
    for secure in [false, true] {
        let settings = Settings { failover: form, resolver: Some(names.address()), ..settings("absent") };
        let three = Three::beside(secure, &more, &absent, &settings, eject_the_only_one);
        eject(&three, &ejected);
        let mut lines = three.gateway.wait_log(1).len();
        for (order, one) in ORDERS.into_iter().flat_map(|order| absent.map(|one| (order, one))) {
            for place in 0..3 {
                let model = format!("{one}-{place}-{}", NAMES[order[0]]);
                for body in [ask(&model, "count to 3"), ask_stream(&model, "count to 3")] {
                    // Those before it fail, so that its turn comes.
                    order[..place].iter().for_each(|at| three.providers[*at].shared().behave(Behaviour::Status(500)));
                    let response = three.ask(&body);
                    lines += 1;
                    let line = three.gateway.wait_log(lines)[lines - 1].clone();
                    let what = format!("{model} {secure}: {} {line}", response.text());
                    let mut expected = vec!["error"; place];
                    expected.extend(passed(form, one));
                    if place == 2 {
                        assert!(response.status >= 500 && response.status != 598, "{what}");
                        assert!(response.json()["error"]["message"].is_string(), "{what}");
                    } else {
                        expected.push("complete");
                        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{what}");
                    }
                    assert_eq!(outcomes(&line), expected, "{what}");
                    assert_eq!(three.asked().iter().sum::<usize>(), (place + 1).min(2), "{what}");
                }
            }
        }
        assert!(ejected.shared().take().is_empty(), "one that is ejected is not asked");
    }
    let asked = names.asked();
    assert!(asked.iter().any(|name| name == "nowhere.test") && asked.iter().all(|name| name.ends_with("nowhere.test")), "{asked:?}");
}

/// Lets the only server of a provider fail until Envoy leaves it out; takes one line of the log.
fn eject(three: &Three, ejected: &Provider) {
    ejected.shared().behave(Behaviour::Status(500));
    assert_eq!(three.ask(&ask("ejected-0-chat", "hi")).status, 200);
    assert_eq!((ejected.shared().take().len(), three.asked()), (1, [1, 0, 0]));
    let since = Instant::now();
    while three.gateway.stat("cluster.ejected.outlier_detection.ejections_active") != Some(1) {
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", three.gateway.stats("cluster.ejected.outlier_detection"));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The connection comes about and nothing more: it is given up with Envoy's limit for connections, or the stream's for its first content.
fn one_that_takes_up_no_handshake_is_passed_at_each_place(form: Failover) {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "  mute: {{ kind: openai-compatible, endpoint: \"https://{}/v1\", speaks: [chat], cooldown: {{ failures: 0 }} }}\n",
        mute.local_addr().unwrap()
    );
    let three = Three::beside(false, &more, &["mute"], &Settings { failover: form, ..settings("absent") }, |_| ());
    let order = ORDERS[0];
    let ask_all = |place: usize, body: Value| {
        let response = three.ask(&body);
        if place == 2 {
            assert!(response.status >= 503 && response.json()["error"]["message"].is_string(), "{place}: {}", response.text());
        } else {
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{place}: {}", response.text());
        }
    };
    // Those before it fail by what they are asked, so that all can be waited for at once.
    let before = ["count to 3", "count to 3 [gpt-5:500]", "count to 3 [gpt-5:500] [gpt-5.1:500]"];
    std::thread::scope(|scope| {
        for (place, text) in before.into_iter().enumerate() {
            let model = format!("mute-{place}-{}", NAMES[order[0]]);
            for body in [ask(&model, text), ask_stream(&model, text)] {
                scope.spawn(move || ask_all(place, body));
            }
        }
    });
    for line in three.gateway.wait_log(6) {
        let model = line["weir"]["route"].as_str().unwrap();
        let place: usize = model.split('-').nth(1).unwrap().parse().unwrap();
        let mut expected = vec!["error"; place];
        expected.push(if line["weir"]["stream"] == true { "timeout" } else { "unreachable" });
        expected.extend((place < 2).then_some("complete"));
        assert_eq!(outcomes(&line), expected, "{line}");
    }
}

/// How late; the models' limit for the first content is a second.
const LATE: Duration = Duration::from_millis(400);

/// A port at which each connection waits before it is led on, until both sides have closed it; it takes one.
fn late(to: SocketAddr) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let relay = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        std::thread::sleep(LATE);
        let mut server = TcpStream::connect(to).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Both);
        back.join().unwrap();
    });
    (address, relay)
}

fn one_that_takes_up_connections_late_is_waited_for_at_each_place(form: Failover) {
    let server = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let names = ["late0", "late1", "late2"];
    let (addresses, relays): (Vec<SocketAddr>, Vec<JoinHandle<()>>) = names.iter().map(|_| late(server.address())).unzip();
    let more: String = names.iter().zip(&addresses).map(|(name, address)| {
        format!("  {name}: {{ kind: openai-compatible, endpoint: \"http://{address}/v1\", speaks: [chat], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}\n")
    }).collect();
    let three = Three::beside(false, &more, &names, &Settings { failover: form, ..settings("absent") }, |_| ());
    for (place, order) in ORDERS.into_iter().enumerate() {
        // The first request waits for the connection, the second one has it.
        let model = format!("late{place}-{place}-{}", NAMES[order[0]]);
        for (number, body) in [ask_stream(&model, "count to 3"), ask(&model, "count to 3")].into_iter().enumerate() {
            order[..place].iter().for_each(|at| three.providers[*at].shared().behave(Behaviour::Status(500)));
            let since = Instant::now();
            let response = three.ask(&body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
            assert!(number == 1 || since.elapsed() >= LATE, "{model}: {:?}", since.elapsed());
            assert_eq!((three.asked().iter().sum::<usize>(), server.shared().take().len()), (place, 1), "{model}");
        }
    }
    drop(three);
    relays.into_iter().for_each(|relay| relay.join().unwrap());
}

//! The guided tour: a few requests, and for each what went in, where it went, what it cost.
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::World;
use super::{Options, tell};
use crate::client::Response;
use crate::trouble::Trouble;

/// Charges are sent after the answer, on the module's tick.
const SETTLED: Duration = Duration::from_secs(5);
/// Each of these requests uses more than a tenth of the budget.
const MOST_REQUESTS: usize = 12;

/// Runs all stops; whether each went as it should.
pub fn run(world: &World, options: &Options) -> bool {
    let names = world.names;
    let mut well = true;
    let mut stop = |title: &str, went: Result<(), Trouble>| {
        if let Err(trouble) = went {
            println!("  FAILED    {title}: {trouble}\n");
            well = false;
        }
    };
    let whole = |title: &str, model: &str, text: &str| stopped(world, title, model, text, false);
    stop("OpenAI", whole("A chat request to OpenAI, whose format it is: its bytes pass", names.openai, "Hello"));
    stop("Anthropic", whole("The same client to Anthropic, which has another format: translated there and back", names.claude, "Hello"));
    stop("stream", stopped(world, "A stream from Anthropic, each event on its way as soon as it comes", names.claude, "count to 20", true));
    stop("failover", whole("A provider that answers 503, replaced by one with another API: the client sees one answer", "smart", "Hello"));
    if options.local_model {
        stop("local model", stopped(world, "A real model on this machine", "smollm2", "Say in one sentence what a weir is.", true));
    }
    stop("budget", over_budget(world));
    well
}

fn stopped(world: &World, title: &str, model: &str, text: &str, stream: bool) -> Result<(), Trouble> {
    let team = "blue";
    let used = world.used(team, model);
    println!(
        "{title}\n  in        POST /v1/chat/completions  model {model}, team {team}{}: {text:?}",
        if stream { ", streamed" } else { "" }
    );
    let lines = world.gateway.log().len();
    let (status, said) = if stream { streamed(world, team, model, text)? } else { plain(world, team, model, text)? };
    let expected = status == 200 && !said.is_empty();
    if !stream {
        println!("  out       {status} {said:?}");
    }
    let line = world.gateway.wait_log(lines + 1).pop().unwrap_or_default();
    print!("{}", tell::happened(&line));
    let total = line["weir"]["total_tokens"].as_u64().unwrap_or(0);
    let after = settled(world, team, model, used + total);
    println!("{}", tell::charged(used, after));
    if expected && total > 0 && after == used + total {
        return Ok(());
    }
    Err(Trouble::new(format!("status {status}, {total} tokens in the log, {} charged; the log says {line}", after - used), ""))
}

/// A team that asks until its budget for the model is used up.
fn over_budget(world: &World) -> Result<(), Trouble> {
    let (team, model) = ("interns", world.names.openai);
    println!("A team that uses its budget up");
    for number in 1..=MOST_REQUESTS {
        let used = world.used(team, model);
        let lines = world.gateway.log().len();
        let response = post(world, team, &body(model, "count to 100", false))?;
        println!("  in        request {number} of team {team}, model {model}");
        let line = world.gateway.wait_log(lines + 1).pop().unwrap_or_default();
        if response.status == 429 {
            let retry = response.headers.value("retry-after").unwrap_or("nothing");
            println!("  out       429, retry-after: {retry}\n            {}", response.text());
            print!("{}", tell::happened(&line));
            println!("{}", tell::charged(used, world.used(team, model)));
            let clear = response.json()["error"]["message"].is_string() && retry.parse::<u64>().is_ok();
            return if clear { Ok(()) } else { Err(Trouble::new("the refusal is not clear", "")) };
        }
        if response.status != 200 {
            return Err(Trouble::new(format!("status {} instead of an answer: {}", response.status, response.text()), ""));
        }
        let total = line["weir"]["total_tokens"].as_u64().unwrap_or(0);
        let after = settled(world, team, model, used + total);
        println!("  out       {}\n{}", response.status, tell::charged(used, after).trim_end());
    }
    Err(Trouble::new(format!("{MOST_REQUESTS} requests and no refusal"), ""))
}

/// Waits until the service's counter has reached `expected`; what it says then.
fn settled(world: &World, team: &str, model: &str, expected: u64) -> u64 {
    let deadline = Instant::now() + SETTLED;
    loop {
        let used = world.used(team, model);
        if used >= expected || Instant::now() > deadline {
            return used;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn plain(world: &World, team: &str, model: &str, text: &str) -> Result<(u16, String), Trouble> {
    let response = post(world, team, &body(model, text, false))?;
    let answer = response.json();
    let said = answer["choices"][0]["message"]["content"].as_str().map_or_else(|| answer.to_string(), str::to_owned);
    Ok((response.status, said))
}

/// Prints the text as it comes.
fn streamed(world: &World, team: &str, model: &str, text: &str) -> Result<(u16, String), Trouble> {
    let begun = Instant::now();
    let mut connection = world.gateway.connect();
    connection.send("POST", "/v1/chat/completions", &headers(team), body(model, text, true).to_string().as_bytes()).map_err(lost)?;
    let (status, _) = connection.receive_head(false).map_err(lost)?;
    let (mut pending, mut said) = (String::new(), String::new());
    print!("  out       {status} after {} ms: ", begun.elapsed().as_millis());
    while let Some(piece) = connection.piece().map_err(lost)? {
        pending.push_str(&String::from_utf8_lossy(&piece));
        while let Some((event, rest)) = pending.split_once("\n\n") {
            let data: Value = serde_json::from_str(event.trim_start_matches("data: ")).unwrap_or_default();
            let words = data["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
            pending = rest.to_owned();
            print!("{words}");
            let _ = std::io::stdout().flush();
            said.push_str(&words);
        }
    }
    println!("  (ended after {} ms)", begun.elapsed().as_millis());
    Ok((status, said))
}

fn post(world: &World, team: &str, body: &Value) -> Result<Response, Trouble> {
    world.gateway.connect().request("POST", "/v1/chat/completions", &headers(team), body.to_string().as_bytes()).map_err(lost)
}

fn body(model: &str, text: &str, stream: bool) -> Value {
    let mut body =
        json!({"model": model, "messages": [{"role": "system", "content": "You are a guide."}, {"role": "user", "content": text}]});
    if stream {
        body["stream"] = json!(true);
    }
    body
}

fn headers(team: &str) -> [(&str, &str); 3] {
    [("content-type", "application/json"), ("authorization", "Bearer the-client's-own-key"), ("x-team", team)]
}

fn lost(error: std::io::Error) -> Trouble {
    Trouble::new(format!("no answer from Envoy: {error}"), "")
}

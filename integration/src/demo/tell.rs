//! What the demo says: what runs where, how to use it, and what happened to a request.
use serde_json::Value;

use super::world::{BUDGET, World};

/// The list of what runs.
pub fn what_runs(world: &World) -> String {
    let ports = &world.ports;
    let vendors = if world.names.real {
        "OpenAI and Anthropic         themselves, over TLS, with the keys of your environment\n".to_owned()
    } else {
        format!(
            "simulated OpenAI             http://127.0.0.1:{}/v1\n  simulated Anthropic          http://127.0.0.1:{}\n",
            ports.openai, ports.anthropic
        )
    };
    let local =
        if world.names.local { format!("  llama.cpp, a real model      http://127.0.0.1:{}/v1\n", ports.model) } else { String::new() };
    format!(
        "\nWhat runs ({} providers' servers here)\n  Envoy with weir.wasm in it   http://127.0.0.1:{}   (admin: http://127.0.0.1:{})\n  {vendors}{local}  \
         rate-limit service           http://127.0.0.1:{}/json\n  document and rendered files  {}\n",
        world.simulated(),
        ports.gateway,
        ports.admin,
        ports.limits,
        world.gateway.folder.display()
    )
}

/// Lines to paste.
pub fn try_it(world: &World) -> String {
    let (port, admin, claude) = (world.ports.gateway, world.ports.admin, world.names.claude);
    format!(
        r#"Try it
  curl http://127.0.0.1:{port}/v1/chat/completions -H 'content-type: application/json' -H 'x-team: blue' \
    -d '{{"model":"{claude}","messages":[{{"role":"user","content":"Hello"}}]}}'
  curl -N http://127.0.0.1:{port}/v1/chat/completions -H 'content-type: application/json' -H 'x-team: blue' \
    -d '{{"model":"smart","stream":true,"messages":[{{"role":"user","content":"count to 20"}}]}}'
  curl http://127.0.0.1:{port}/v1/models
  curl -s http://127.0.0.1:{admin}/stats/prometheus | grep '^weir_' | grep -v bucket
  tail -f {log}

  # the official SDK, unmodified (pip install openai)
  from openai import OpenAI
  client = OpenAI(base_url="http://127.0.0.1:{port}/v1", api_key="any", default_headers={{"x-team": "blue"}})
  answer = client.chat.completions.create(model="{claude}", messages=[{{"role": "user", "content": "Hello"}}])
  print(answer.choices[0].message.content)
  print(answer.usage)
"#,
        log = world.gateway.process.output.display()
    )
}

/// What one access log line says, in the words of the tour.
pub fn happened(line: &Value) -> String {
    let (gen_ai, weir) = (&line["gen_ai"], &line["weir"]);
    let attempt = |attempt: &Value| {
        let status = attempt["status"].as_u64().map_or(String::new(), |status| format!(" {status}"));
        format!(
            "{} as {} in format {}: {}{status}",
            word(&attempt["provider"]),
            word(&attempt["model"]),
            word(&attempt["format"]),
            word(&attempt["outcome"])
        )
    };
    let attempts: Vec<String> = weir["attempts"].as_array().into_iter().flatten().map(attempt).collect();
    let went = if attempts.is_empty() { "nowhere: no provider was asked".to_owned() } else { attempts.join(", then ") };
    let count = |name: &str| gen_ai[name].as_u64().unwrap_or(0);
    let tokens = format!(
        "{} in ({} of them from the provider's cache), {} out ({})",
        count("usage.input_tokens"),
        count("usage.cache_read.input_tokens"),
        count("usage.output_tokens"),
        word(&weir["usage_source"])
    );
    format!("  went to   {went}\n  tokens    {tokens}\n")
}

/// What the budget of one team and model says.
pub fn charged(before: u64, after: u64) -> String {
    format!(
        "  charged   {} tokens to the team's budget for this model: {after} of {BUDGET} used in this hour\n",
        after.saturating_sub(before)
    )
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

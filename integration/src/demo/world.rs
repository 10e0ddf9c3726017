//! Everything that the demo starts, and the document that ties it together.
use super::Options;
use crate::fetch::llama::Llama;
use crate::gateway::{Gateway, Settings};
use crate::limiter::Limiter;
use crate::process::{self, Process};
use crate::providers::{Provider, Vendor};
use crate::{fetch, paths, progress, trouble::Trouble, wasm};
use weir_core::routing::Failover;

/// The keys that the simulated providers demand; the demo's clients never see them.
const KEYS: [(&str, &str); 2] = [("WEIR_DEMO_OPENAI_KEY", "sk-openai-simulated"), ("WEIR_DEMO_ANTHROPIC_KEY", "sk-ant-simulated")];

/// The tokens that one team may use of one model in an hour: few, so that the tour reaches the end of them.
pub const BUDGET: u64 = 600;

/// The running demo. Fields end in the order in which they stand: Envoy first.
pub struct World {
    pub gateway: Gateway,
    pub limiter: Limiter,
    pub ports: Ports,
    pub names: Names,
    providers: Vec<Provider>,
    model_server: Option<Process>,
}

/// Who listens where.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub gateway: u16,
    pub admin: u16,
    pub openai: u16,
    pub anthropic: u16,
    pub limits: u16,
    pub model: u16,
}

/// The models that the tour asks for.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub openai: &'static str,
    pub claude: &'static str,
    pub real: bool,
    pub local: bool,
}

impl Ports {
    fn from(first: u16) -> Self {
        Self { gateway: first, admin: first + 1, openai: first + 2, anthropic: first + 3, limits: first + 4, model: first + 5 }
    }

    fn must_be_free(&self, local_model: bool) -> Result<(), Trouble> {
        process::must_be_free(self.gateway, "the gateway")?;
        process::must_be_free(self.admin, "Envoy's admin interface")?;
        process::must_be_free(self.openai, "the simulated OpenAI")?;
        process::must_be_free(self.anthropic, "the simulated Anthropic")?;
        process::must_be_free(self.limits, "the rate-limit service")?;
        if local_model { process::must_be_free(self.model, "the model server") } else { Ok(()) }
    }
}

impl World {
    pub fn start(options: &Options) -> Result<Self, Trouble> {
        let ports = Ports::from(options.port);
        ports.must_be_free(options.local_model)?;
        let names = names(options);
        let environment = environment(options.real)?;
        fetch::envoy::binary()?;
        let model = if options.local_model { Some(fetch::llama::fetch()?) } else { None };
        let (module, weir) = (wasm::build()?, wasm::weir()?);
        let model_server = model.map(|model| start_model(&model, ports.model)).transpose()?;
        let start = |vendor, port, key| Provider::start_at(&format!("127.0.0.1:{port}"), vendor, key);
        let cannot = |e: std::io::Error| Trouble::new(format!("a simulated provider cannot start: {e}"), "");
        let [openai, anthropic] = KEYS.map(|(_, key)| key);
        let providers = vec![
            start(Vendor::OpenAi, ports.openai, openai).map_err(cannot)?,
            start(Vendor::Anthropic, ports.anthropic, anthropic).map_err(cannot)?,
        ];
        let document = document(&ports, names);
        let settings = Settings {
            name: "demo".into(),
            module,
            weir,
            environment,
            ports: Some((ports.gateway, ports.admin)),
            workers: 2,
            listen: String::new(),
            authorities: None,
            failover: Failover::Clusters,
            resolver: None,
            standalone: false,
        };
        progress::say("starting Envoy");
        let mut gateway = Gateway::start(&document, &settings)?;
        if options.real {
            let advice = "the names of OpenAI and Anthropic must resolve on this machine: check the network";
            gateway.wait_resolved(&["openai", "anthropic"]).map_err(|t| Trouble::new(t.what, advice))?;
        }
        let limiter = gateway.limiter(&format!("127.0.0.1:{}", ports.limits))?;
        Ok(Self { gateway, limiter, ports, names, providers, model_server })
    }

    /// How many tokens one team has used of one model in this hour, by the service's own counter.
    pub fn used(&self, team: &str, model: &str) -> u64 {
        let count = self.limiter.counter(&[("rule", "team-hour/t"), ("team", team), ("model", model)]);
        u64::try_from(count).unwrap_or(0)
    }

    /// How many servers of providers run here, for the list of what runs.
    pub fn simulated(&self) -> usize {
        self.providers.len() + usize::from(self.model_server.is_some())
    }
}

fn names(options: &Options) -> Names {
    let (openai, claude) = if options.real { ("gpt-5-mini", "claude-haiku-4-5") } else { ("gpt-5", "claude-sonnet-5") };
    Names { openai, claude, real: options.real, local: options.local_model }
}

/// What Envoy needs in its environment. Real keys are looked at only where they were asked for.
fn environment(real: bool) -> Result<Vec<(String, String)>, Trouble> {
    if real {
        for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"] {
            if std::env::var(name).is_ok_and(|value| !value.is_empty()) {
                continue;
            }
            let advice = format!("set {name} to a key of yours, or leave --real out to use the simulated providers");
            return Err(Trouble::new(format!("--real needs {name} in the environment"), advice));
        }
    }
    Ok(KEYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn start_model(model: &Llama, port: u16) -> Result<Process, Trouble> {
    progress::say("starting the model server");
    model.start(port, &paths::fresh_run("demo-model")?)
}

/// The document: two vendors, a provider that always fails, a model that falls back, a budget.
fn document(ports: &Ports, names: Names) -> String {
    let Ports { openai, anthropic, limits, model, .. } = ports;
    let vendors = if names.real {
        "  openai: { kind: openai, auth: { bearer: { env: OPENAI_API_KEY } } }\n  anthropic: { kind: anthropic, auth: { api_key: { env: ANTHROPIC_API_KEY } } }\n".to_owned()
    } else {
        format!(
            "  openai: {{ kind: openai, endpoint: \"http://127.0.0.1:{openai}/v1\", auth: {{ bearer: {{ env: WEIR_DEMO_OPENAI_KEY }} }} }}\n\
             \x20 anthropic: {{ kind: anthropic, endpoint: \"http://127.0.0.1:{anthropic}\", auth: {{ api_key: {{ env: WEIR_DEMO_ANTHROPIC_KEY }} }} }}\n"
        )
    };
    let (local_provider, local_model) = if names.local {
        let provider = format!("  local: {{ kind: openai-compatible, endpoint: \"http://127.0.0.1:{model}/v1\", speaks: [chat] }}\n");
        (provider, "  - { name: smollm2, targets: [ { provider: local } ] }\n")
    } else {
        (String::new(), "")
    };
    let Names { openai: gpt, claude, .. } = names;
    format!(
        "version: 1\n\
         providers:\n{vendors}{local_provider}\
         \x20 # Speaks OpenAI's format and is overloaded: the model sim-503 of the simulated OpenAI always answers 503.\n\
         \x20 failing: {{ kind: openai-compatible, endpoint: \"http://127.0.0.1:{openai}/v1\", speaks: [chat], auth: {{ bearer: {{ env: WEIR_DEMO_OPENAI_KEY }} }} }}\n\
         models:\n\
         \x20 - {{ name: {gpt}, targets: [ {{ provider: openai }} ] }}\n\
         \x20 - {{ name: {claude}, targets: [ {{ provider: anthropic }} ] }}\n\
         \x20 - name: smart\n\
         \x20   targets:\n\
         \x20     - {{ provider: failing, model: sim-503 }}\n\
         \x20     - {{ provider: anthropic, model: {claude}, priority: 1 }}\n\
         {local_model}\
         endpoints:\n\
         \x20 - {{ prefix: /v1/files, provider: openai }}\n\
         identity:\n\
         \x20 team: {{ header: x-team, trusted: true }}\n\
         limits:\n\
         \x20 service: {{ endpoint: \"http://127.0.0.1:{limits}/json\", timeout: 250ms }}\n\
         \x20 budgets:\n\
         \x20   - {{ name: team-hour, key: [team, model], tokens: {BUDGET}, per: hour, mode: check, on_failure: allow }}\n"
    )
}

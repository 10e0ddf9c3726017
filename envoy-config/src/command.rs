//! The command line: what was asked for, and the text that answers it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt as _;
use weir_config::{
    Applied, ApplyOptions, IstioOptions, Module, Problems, RenderOptions, Source, apply, explain, render_envoy, render_istio, schema, write,
};
use weir_core::routing::Failover;

/// How the command is used.
pub const USAGE: &str = "\
usage: weir check FILE
       weir explain FILE
       weir schema
       weir render envoy FILE -o DIR [options]
       weir render istio FILE -o DIR --host HOST --module URL [options]

  check     reads a document and names all of its faults
  explain   says what a document does
  schema    prints the JSON Schema of documents, for editors
  render    writes what Envoy and the rate-limit service read:
              DIR/envoy.yaml, DIR/xds/*.yaml, DIR/ratelimit/config/weir.yaml

  -o, --output DIR    the folder; an Envoy that runs on it takes the new document over
  --module PATH       the filter (default: DIR/weir.wasm)
  --ca PATH           certificate authorities for providers over TLS (default: this machine's)
  --admin ADDRESS     the admin interface of the Envoy that runs on the folder: each file is
                      waited for before the next, so that no request is lost
  --restart           write even what Envoy can only take over by a restart
  --inlined           only DIR/inlined.yaml: the bootstrap with the watched files in it, for
                      `envoy --mode validate`, which does not open them
  --filter-only       only DIR/filter.yaml: the filter entries for an Envoy of your own
  --standalone        one filter alone, which holds no headers, as `standalone` in the document says
  --failover FORM     clusters (Weir names the cluster of each attempt; Envoy 1.39 and later), or
                      priorities (Envoy goes through the providers by itself; Envoy 1.37 and later)

  render istio writes DIR/envoyfilter.yaml, or DIR/wasmplugin.yaml and DIR/providers.yaml where the
  document has `standalone`, and DIR/metrics.yaml; --failover is priorities unless given

  --host HOST         the host that clients ask
  --module URL        oci://…@sha256:…, http(s)://… with --sha256 HEX, or file:///PATH in the proxy
  --sha256 HEX        of what is behind the URL
  --namespace NAME    the namespace of the gateway's workload (default: istio-system)
  --selector KEY=VALUE
                      a label of the gateway's workload, as often as needed (default: istio=ingressgateway)
  --gateway NAMESPACE/NAME
                      the Gateway that serves the host (default: istio-system/weir)
  --port NUMBER       the port of its server (default: every server of the workload)
";

/// Why the command did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// It was not understood.
    Usage(String),
    /// The document, the folder or Envoy.
    Problems(Problems),
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

/// Does what the arguments say and returns what is to be printed.
///
/// # Errors
/// See [`Failure`].
pub fn run(mut parser: lexopt::Parser) -> Result<String, Failure> {
    let arguments = Arguments::parse(&mut parser)?;
    let words: Vec<&str> = arguments.words.iter().filter_map(|word| word.to_str()).collect();
    match (&*words, arguments.help) {
        (_, true) => Ok(USAGE.to_owned()),
        (["check", _], false) => check(&arguments.document()?),
        (["explain", _], false) => Ok(explain(&Source::open(&arguments.document()?)?)),
        (["schema"], false) => Ok(schema()),
        (["render", "envoy", _], false) => render(&arguments),
        (["render", "istio", _], false) => render_for_istio(&arguments),
        (["render", "envoy" | "istio"] | ["check"] | ["explain"], false) => {
            Err(Failure::Usage("which document? a FILE is missing".to_owned()))
        }
        ([], false) => Err(Failure::Usage("what is to be done?".to_owned())),
        (words, false) => Err(Failure::Usage(format!("not understood: {}", words.join(" ")))),
    }
}

#[derive(Default)]
struct Arguments {
    words: Vec<OsString>,
    output: Option<PathBuf>,
    module: Option<PathBuf>,
    authorities: Option<PathBuf>,
    admin: Option<String>,
    restart: bool,
    filter_only: bool,
    standalone: bool,
    failover: Option<Failover>,
    host: Option<String>,
    sha256: Option<String>,
    namespace: Option<String>,
    selector: Vec<(String, String)>,
    gateway: Option<String>,
    port: Option<u16>,
    inlined: bool,
    help: bool,
}

impl Arguments {
    fn parse(parser: &mut lexopt::Parser) -> Result<Self, Failure> {
        let mut arguments = Self::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('o') | Long("output") => arguments.output = Some(parser.value()?.into()),
                Long("module") => arguments.module = Some(parser.value()?.into()),
                Long("ca") => arguments.authorities = Some(parser.value()?.into()),
                Long("admin") => arguments.admin = Some(parser.value()?.to_string_lossy().into_owned()),
                Long("failover") => arguments.failover = Some(failover(&parser.value()?.to_string_lossy())?),
                Long("host") => arguments.host = Some(parser.value()?.string()?),
                Long("sha256") => arguments.sha256 = Some(parser.value()?.string()?),
                Long("namespace") => arguments.namespace = Some(parser.value()?.string()?),
                Long("selector") => arguments.selector.push(label(&parser.value()?.string()?)?),
                Long("gateway") => arguments.gateway = Some(parser.value()?.string()?),
                Long("port") => arguments.port = Some(parser.value()?.parse()?),
                Long("restart") => arguments.restart = true,
                Long("inlined") => arguments.inlined = true,
                Long("filter-only") => arguments.filter_only = true,
                Long("standalone") => arguments.standalone = true,
                Short('h') | Long("help") => arguments.help = true,
                Value(word) => arguments.words.push(word),
                Short(_) | Long(_) => return Err(argument.unexpected().into()),
            }
        }
        Ok(arguments)
    }

    /// The document is the last word.
    fn document(&self) -> Result<PathBuf, Failure> {
        absolute(self.words.last().map_or(Path::new(""), Path::new))
    }
}

fn failover(word: &str) -> Result<Failover, Failure> {
    match word {
        "clusters" => Ok(Failover::Clusters),
        "priorities" => Ok(Failover::Priorities),
        _ => Err(Failure::Usage(format!("--failover is clusters or priorities, not {word}"))),
    }
}

fn check(path: &Path) -> Result<String, Failure> {
    let gateway = Source::open(path)?.document.gateway;
    let (providers, models, budgets) = (gateway.providers.len(), gateway.routes.len(), gateway.budgets.len());
    let position = if gateway.standalone.is_some() { "; for the standalone position" } else { "" };
    Ok(format!("{}: good; providers: {providers}, models: {models}, budgets: {budgets}{position}\n", path.display()))
}

fn render(arguments: &Arguments) -> Result<String, Failure> {
    let output = arguments.output.as_deref().ok_or_else(|| Failure::Usage("render needs -o DIR".to_owned()))?;
    if arguments.standalone && (arguments.filter_only || arguments.failover.is_some()) {
        return Err(Failure::Usage("--standalone goes with neither --filter-only nor --failover".to_owned()));
    }
    let (document, folder) = (arguments.document()?, absolute(output)?);
    let text = std::fs::read_to_string(&document).map_err(|error| Problems::Read(document.clone(), error))?;
    let place = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let options = RenderOptions {
        folder: folder.clone(),
        module: place(&arguments.module)?,
        document,
        authorities: place(&arguments.authorities)?,
        filter_only: arguments.filter_only,
        standalone: arguments.standalone,
        failover: arguments.failover.unwrap_or_default(),
    };
    let mut rendered = render_envoy(&text, &options)?;
    if arguments.inlined {
        rendered = rendered.inlined();
    }
    let applied = apply(&rendered, &folder, &ApplyOptions { admin: arguments.admin.clone(), restart: arguments.restart })?;
    Ok(report(&applied, &folder, arguments))
}

fn render_for_istio(arguments: &Arguments) -> Result<String, Failure> {
    let needed = |what: &str| Failure::Usage(format!("render istio needs {what}"));
    let output = arguments.output.as_deref().ok_or_else(|| needed("-o DIR"))?;
    let host = arguments.host.as_deref().ok_or_else(|| needed("--host HOST"))?;
    let url = arguments.module.as_deref().and_then(Path::to_str).ok_or_else(|| needed("--module URL"))?;
    let module = Module::parse(url, arguments.sha256.as_deref()).map_err(|fault| Failure::Usage(fault.to_string()))?;
    let document = arguments.document()?;
    let text = std::fs::read_to_string(&document).map_err(|error| Problems::Read(document.clone(), error))?;
    let mut options = IstioOptions { document, port: arguments.port, ..IstioOptions::new(host, module) };
    options.failover = arguments.failover.unwrap_or(options.failover);
    options.namespace = arguments.namespace.clone().unwrap_or(options.namespace);
    options.gateway = arguments.gateway.clone().unwrap_or(options.gateway);
    options.authorities = arguments.authorities.clone().unwrap_or(options.authorities);
    if !arguments.selector.is_empty() {
        options.selector.clone_from(&arguments.selector);
    }
    let folder = absolute(output)?;
    let rendered = render_istio(&text, &options)?;
    let applied = write(&rendered, &folder)?;
    let files = applied.written.iter().chain(&applied.unchanged);
    let mut report: String = files.map(|file| format!("{}\n", folder.join(file).display())).collect();
    if !rendered.env.is_empty() {
        report.push_str(&format!("the proxy's environment needs {}\n", rendered.env.join(", ")));
    }
    Ok(report)
}

/// A label as `KEY=VALUE`.
fn label(word: &str) -> Result<(String, String), Failure> {
    let pair = word.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| Failure::Usage(format!("--selector is KEY=VALUE, not {word}")))
}

fn report(applied: &Applied, folder: &Path, arguments: &Arguments) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _infallible = write_report(applied, folder, arguments, &mut text);
    text
}

fn write_report(applied: &Applied, folder: &Path, arguments: &Arguments, text: &mut String) -> std::fmt::Result {
    for file in &applied.written {
        let state = if arguments.admin.is_some() && file.starts_with("xds/") { "in force" } else { "written" };
        writeln!(text, "{}: {state}", folder.join(file).display())?;
    }
    for file in &applied.unchanged {
        writeln!(text, "{}: unchanged", folder.join(file).display())?;
    }
    if !applied.retired.is_empty() {
        writeln!(text, "kept for an hour, for requests in flight: {}", applied.retired.join(", "))?;
    }
    if applied.restart {
        writeln!(text, "envoy.yaml has changed in more than the document: restart Envoy for that to take effect")?;
    }
    let module = arguments.module.clone().unwrap_or_else(|| folder.join("weir.wasm"));
    if !module.exists() {
        writeln!(text, "{} is not there yet: Envoy needs the filter at this path", module.display())?;
    }
    if !arguments.filter_only && !arguments.inlined {
        writeln!(text, "start: envoy -c {} --reject-unknown-dynamic-fields", folder.join("envoy.yaml").display())?;
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Problems::Read(path.to_owned(), error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(arguments: &[&str]) -> Result<String, Failure> {
        run(lexopt::Parser::from_args(arguments))
    }

    fn example(name: &str) -> String {
        format!("{}/examples/{name}/weir.yaml", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (arguments, words) in [
            (&[][..], "what is to be done"),
            (&["chek", "x"], "not understood: chek x"),
            (&["check"], "FILE is missing"),
            (&["render", "envoy", "x"], "needs -o DIR"),
            (&["render", "envoy", "x", "-o"], "missing argument"),
            (&["check", "x", "--nope"], "--nope"),
            (&["render", "envoy", "x", "-o", "y", "--standalone", "--filter-only"], "neither --filter-only nor --failover"),
        ] {
            match run_with(arguments) {
                Err(Failure::Usage(text)) => assert!(text.contains(words), "{arguments:?}: {text}"),
                other => panic!("{arguments:?}: {other:?}"),
            }
        }
        assert_eq!(run_with(&["--help"]).unwrap(), USAGE);
    }

    #[test]
    fn a_document_is_checked_and_explained() {
        let checked = run_with(&["check", &example("budgets")]).unwrap();
        assert!(checked.ends_with("good; providers: 2, models: 1, budgets: 5\n"), "{checked}");
        let checked = run_with(&["check", &example("standalone")]).unwrap();
        assert!(checked.ends_with("good; providers: 3, models: 2, budgets: 1; for the standalone position\n"), "{checked}");
        let explained = run_with(&["explain", &example("standalone")]).unwrap();
        assert!(explained.starts_with("standalone\n  provider: named by the header x-provider\nproviders\n"), "{explained}");
        let explained = run_with(&["explain", &example("self-hosted")]).unwrap();
        assert!(
            explained.contains(
                "priority 1, 100 %: llama-3.1-70b's at in-house (https://llama.models.svc.cluster.local:8443/openai/v1/chat/completions)"
            ),
            "{explained}"
        );
        let explained = run_with(&["explain", &example("bedrock")]).unwrap();
        let signed = "bedrock at bedrock-runtime.eu-central-1.amazonaws.com, speaks messages and converse";
        assert!(
            explained.contains(signed) && explained.contains("signed for bedrock in eu-central-1 with AWS credentials of Envoy's own"),
            "{explained}"
        );
        assert!(matches!(run_with(&["check", "/nowhere.yaml"]), Err(Failure::Problems(Problems::Read(..)))));
    }

    #[test]
    fn a_folder_is_written_once() {
        let folder = std::env::temp_dir().join(format!("weir-command-{}", std::process::id()));
        let output = folder.to_string_lossy().into_owned();
        let document = example("two-providers");
        let arguments = ["render", "envoy", &document, "-o", &output, "--ca", "/ca.pem"];
        let first = run_with(&arguments).unwrap();
        let second = run_with(&arguments).unwrap();
        let other = run_with(&[&arguments[..], &["--module", "/other.wasm"]].concat());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(first.contains("xds/routes.yaml: written") && first.contains("weir.wasm is not there yet"), "{first}");
        assert!(second.contains("xds/routes.yaml: unchanged") && !second.contains("written"), "{second}");
        assert!(matches!(other, Err(Failure::Problems(Problems::Restart { .. }))), "{other:?}");
    }
}

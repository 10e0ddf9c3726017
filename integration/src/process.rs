//! Starts a program, waits until it is ready, keeps its output, and surely ends it.
//!
//! Every program runs on a leash: a small shell that holds the program's pid and ends it when our end of a pipe closes.
//! The pipe closes when the handle is dropped and also when this process dies in any other way, so nothing is left running.
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{progress, trouble::Trouble};

/// `sh` gives a background job an empty standard input unless told otherwise, hence the third descriptor.
/// The program's two outputs are opened for appending: Envoy opens `/dev/stdout` a second time by its path.
const LEASH: &str = r#"
exec 3<&0
out=$1; err=$2; shift 2
"$@" </dev/null >>"$out" 2>>"$err" 3<&- &
pid=$!
echo $pid
( cat <&3 >/dev/null; kill -TERM $pid 2>/dev/null ) >/dev/null 2>&1 &
guard=$!
wait $pid
code=$?
kill $guard 2>/dev/null
exit $code
"#;

/// How long a program may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// One running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    leash: Child,
    line: Option<ChildStdin>,
    pid: u32,
    /// What the program wrote to standard output.
    pub output: PathBuf,
    /// What the program wrote to standard error.
    pub errors: PathBuf,
}

impl Process {
    /// Starts `program` with its outputs appended to `NAME.out` and `NAME.err` in `folder`.
    pub fn start(name: &str, program: &Command, folder: &Path) -> Result<Self, Trouble> {
        let output = folder.join(format!("{name}.out"));
        let errors = folder.join(format!("{name}.err"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(LEASH).arg("leash").arg(&output).arg(&errors);
        shell.arg(program.get_program()).args(program.get_args());
        for (key, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(directory) = program.get_current_dir() {
            shell.current_dir(directory);
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let cannot = |e: std::io::Error| Trouble::new(format!("cannot start {name}: {e}"), "");
        let mut leash = shell.spawn().map_err(cannot)?;
        let line = leash.stdin.take();
        let mut first = String::new();
        if let Some(stdout) = leash.stdout.take() {
            BufReader::new(stdout).read_line(&mut first).map_err(cannot)?;
        }
        let pid = first.trim().parse().map_err(|_| Trouble::new(format!("cannot start {name}: no pid from its shell"), ""))?;
        Ok(Self { name: name.into(), leash, line, pid, output, errors })
    }

    /// The program's own process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks `ready` every few milliseconds until it says yes; the program's end or the deadline is the trouble, with the log's tail.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<(), Trouble> {
        let deadline = Instant::now() + limit;
        loop {
            if ready() {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(Trouble::new(format!("{} ended at once: {status}\n{}", self.name, progress::tail(&self.errors, 20)), ""));
            }
            if Instant::now() > deadline {
                let what = format!("{} was not ready within {} s\n{}", self.name, limit.as_secs(), progress::tail(&self.errors, 20));
                return Err(Trouble::new(what, ""));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How the program ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.leash.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Waits for the program's end at most `limit`; its exit code, absent if it runs on.
    pub fn wait_end(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.leash.try_wait() {
                return Some(status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Sends a signal by its name (`TERM`, `STOP`, `CONT`, `KILL`) to the program.
    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()).stderr(Stdio::null()).status();
    }

    /// Everything written to standard output so far.
    pub fn output_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Everything written to standard error so far.
    pub fn errors_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.errors).unwrap_or_default()).into_owned()
    }

    /// Ends the program: SIGTERM, and SIGKILL where that did not help.
    pub fn stop(&mut self) {
        drop(self.line.take());
        if self.wait_end(GRACE).is_none() {
            self.signal("KILL");
            let _ = self.wait_end(GRACE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ports below those that systems give out by themselves (Linux: from 32768), so that nobody who asks for any port is given one of these.
const PORTS: std::ops::Range<u16> = 30_000..32_700;

/// A port of the loopback address that was free a moment ago and is handed out once by this process.
pub fn free_port() -> u16 {
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    // Processes that run beside each other begin at places of their own.
    let first = std::process::id().wrapping_mul(97);
    let ports = || first.wrapping_add(HANDED_OUT.fetch_add(1, Ordering::Relaxed)) % count;
    let mut tried = (0..count).map(|_| PORTS.start + u16::try_from(ports()).unwrap_or_default());
    tried.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("the loopback address has a free port")
}

/// Whether something accepts connections there.
pub fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
}

/// Trouble where `port` of the loopback address is taken by somebody.
pub fn must_be_free(port: u16, what: &str) -> Result<(), Trouble> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Trouble::new(
            format!("port {port} ({what}) cannot be used: {error}"),
            format!("end the program that listens on 127.0.0.1:{port}, or choose other ports with --port"),
        )),
    }
}

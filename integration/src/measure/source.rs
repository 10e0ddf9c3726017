//! Where the figures come from: hardware counters, else valgrind, else the CPU time that the kernel accounts.
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{fetch, trouble::Trouble};

/// Instructions that the kernel spends for Envoy on one request of 1 KB and of 16 KB, and on one chunk of a paced stream.
///
/// valgrind sees user mode only. These were measured with hardware counters and hardly change with what Envoy does in user mode.
pub const KERNEL: [f64; 3] = [36_000.0, 38_000.0, 18_000.0];

/// User and kernel said outright: where the kernel's part may not be counted, `perf` then refuses instead of leaving it out.
const EVENT: &str = "instructions:uk";

/// Linux's `O_NONBLOCK`: an order to a `perf` that has ended must not wait for ever.
const NON_BLOCKING: i32 = 0o4000;

/// Copies of more than 2 KB are one `rep movsb` in glibc, of which callgrind counts every byte as an instruction. Told so, glibc
/// copies with vector instructions, as it does below 2 KB.
const TUNABLES: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_rep_stosb_threshold=0x40000000";

/// How cost is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `perf stat`: instructions, user and kernel.
    Counters,
    /// callgrind around each slice: instructions in user mode.
    Valgrind,
    /// Nanoseconds of CPU time of all threads, user and kernel.
    Time,
}

impl Source {
    /// The best that this machine has.
    pub fn detect() -> Self {
        let counted = Command::new("perf").args(["stat", "-x", ",", "-e", EVENT, "true"]).stdin(Stdio::null()).output();
        if counted.is_ok_and(|output| count(&String::from_utf8_lossy(&output.stderr)).is_some()) {
            return Self::Counters;
        }
        if fetch::on_path("valgrind").is_some() && fetch::on_path("vgdb").is_some() { Self::Valgrind } else { Self::Time }
    }

    /// What the tables say about it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Counters => "hardware counters (`perf stat`), user and kernel",
            Self::Valgrind => {
                "valgrind (callgrind), user mode, and the kernel's part as a constant: 36 k a request of 1 KB, 38 k of 16 KB, 18 k a chunk"
            }
            Self::Time => {
                "CPU time, user and kernel: neither hardware counters nor valgrind are on this machine. Differences below 40 % mean nothing; install valgrind"
            }
        }
    }

    /// The command that runs `program` so that it can be counted; callgrind's files go to `folder`.
    pub fn command(self, program: &Path, folder: &Path) -> Command {
        if self != Self::Valgrind {
            return Command::new(program);
        }
        let mut command = Command::new("valgrind");
        command.env("GLIBC_TUNABLES", TUNABLES);
        command.args(["--tool=callgrind", "--smc-check=all-non-file", "--instr-atstart=no"]);
        command.arg(format!("--callgrind-out-file={}", folder.join("callgrind").display())).arg(program);
        command
    }

    /// Makes the process ready to be counted, after its warm-up.
    pub fn arm(self, pid: u32) -> Result<(), Trouble> {
        if self == Self::Valgrind { vgdb(pid, &["instrumentation", "on"]) } else { Ok(()) }
    }

    /// The cost of `work` in the process: instructions, or nanoseconds.
    pub fn slice(self, pid: u32, folder: &Path, work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
        match self {
            Self::Counters => counters(pid, folder, work),
            Self::Valgrind => {
                vgdb(pid, &["zero"])?;
                work()?;
                vgdb(pid, &["dump"])?;
                dumped(folder)
            }
            Self::Time => {
                let before = nanoseconds(pid)?;
                work()?;
                Ok(nanoseconds(pid)? - before)
            }
        }
    }
}

/// `perf` attaches with its counters off and acknowledges that they are on before the work begins.
fn counters(pid: u32, folder: &Path, work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let cannot = |e: std::io::Error| Trouble::new(format!("perf stat: {e}"), "");
    let [control, acknowledged, result] = ["perf.control", "perf.acknowledged", "perf.result"].map(|name| folder.join(name));
    for pipe in [&control, &acknowledged].into_iter().filter(|pipe| !pipe.exists()) {
        Command::new("mkfifo").arg(pipe).status().map_err(cannot)?;
    }
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x", ",", "-e", EVENT, "--delay=-1", "-p", &pid.to_string(), "-o"]).arg(&result);
    perf.arg("--control").arg(format!("fifo:{},{}", control.display(), acknowledged.display()));
    let mut perf = perf.stdin(Stdio::null()).stderr(Stdio::null()).spawn().map_err(cannot)?;
    let pipe = |path| fs::OpenOptions::new().read(true).write(true).custom_flags(NON_BLOCKING).open(path).map_err(cannot);
    let (mut orders, mut answers) = (pipe(&control)?, pipe(&acknowledged)?);
    let mut order = |word: &str| orders.write_all(word.as_bytes()).and_then(|()| acknowledge(&mut answers, &mut perf)).map_err(cannot);
    order("enable\n")?;
    let done = work();
    order("disable\n")?;
    Command::new("kill").args(["-INT", &perf.id().to_string()]).status().map_err(cannot)?;
    perf.wait().map_err(cannot)?;
    done?;
    let text = fs::read_to_string(&result).map_err(|e| Trouble::io("cannot read", &result, &e))?;
    count(&text).ok_or_else(|| Trouble::new(format!("perf stat counted nothing: {text}"), ""))
}

/// Waits for the line with which `perf` answers an order; that it has ended instead is an error.
fn acknowledge(answers: &mut fs::File, perf: &mut Child) -> io::Result<()> {
    let mut byte = [0];
    loop {
        match answers.read(&mut byte) {
            Ok(_) if byte == *b"\n" => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match perf.try_wait()? {
                Some(status) => return Err(io::Error::other(format!("it ended: {status}"))),
                None => std::thread::sleep(Duration::from_millis(1)),
            },
            Err(error) => return Err(error),
        }
    }
}

/// The count in `perf stat -x,` output; absent where the counter is not supported.
fn count(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(",instructions"))?;
    line.split(',').next()?.parse().ok()
}

fn vgdb(pid: u32, words: &[&str]) -> Result<(), Trouble> {
    let output = Command::new("vgdb").arg(format!("--pid={pid}")).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Trouble::new(format!("cannot run vgdb: {e}"), "install valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(Trouble::new(format!("vgdb {}: {}", words.join(" "), said.trim()), "")) }
}

/// The total of the dump that was just written (`callgrind.1`, `callgrind.2`, …); the file is removed.
fn dumped(folder: &Path) -> Result<f64, Trouble> {
    let entries = fs::read_dir(folder).map_err(|e| Trouble::io("cannot read", folder, &e))?;
    let dumps = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        path.file_stem().is_some_and(|stem| stem == "callgrind") && extension.parse::<u32>().is_ok()
    });
    let dumps: Vec<PathBuf> = dumps.collect();
    let [dump] = dumps.as_slice() else {
        return Err(Trouble::new(format!("callgrind wrote {} dumps instead of one into {}", dumps.len(), folder.display()), ""));
    };
    let text = fs::read_to_string(dump).map_err(|e| Trouble::io("cannot read", dump, &e))?;
    fs::remove_file(dump).map_err(|e| Trouble::io("cannot remove", dump, &e))?;
    total(&text).ok_or_else(|| Trouble::new(format!("{} has no totals", dump.display()), ""))
}

fn total(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

/// The CPU time of all threads that the process has now.
fn nanoseconds(pid: u32) -> Result<f64, Trouble> {
    let folder = PathBuf::from(format!("/proc/{pid}/task"));
    let threads = fs::read_dir(&folder).map_err(|e| Trouble::io("cannot read", &folder, &e))?;
    let ran = |path: PathBuf| fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<f64>().ok();
    Ok(threads.flatten().filter_map(|thread| ran(thread.path())).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_is_not_supported_is_no_count() {
        assert_eq!(count("# started\n\n1234567,,instructions:u,100,100.00,,\n"), Some(1_234_567.0));
        assert_eq!(count("<not supported>,,instructions,0,100.00,,\n"), None);
    }

    #[test]
    fn the_total_of_a_dump_is_found_below_its_lines() {
        assert_eq!(total("events: Ir\nsummary: 5\nfn=(1)\n1 5\ntotals: 2401068\n"), Some(2_401_068.0));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn this_process_has_used_cpu_time() {
        assert!(nanoseconds(std::process::id()).unwrap() > 0.0);
    }
}

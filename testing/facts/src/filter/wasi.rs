//! Steps that ask the system interface: environment, clocks, randomness, files.

use crate::world::log;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn args_sizes_get(count_at: *mut usize, size_at: *mut usize) -> u32;
    fn args_get(at: *mut *mut u8, bytes: *mut u8) -> u32;
    fn clock_time_get(clock: u32, precision: u64, at: *mut u64) -> u32;
    fn random_get(at: *mut u8, size: usize) -> u32;
    fn sched_yield() -> u32;
    fn poll_oneoff(wanted: *const u8, events: *mut u8, count: usize, count_at: *mut usize) -> u32;
    fn fd_write(file: u32, vectors: *const [usize; 2], count: usize, written_at: *mut usize) -> u32;
    fn fd_read(file: u32, vectors: *const [usize; 2], count: usize, read_at: *mut usize) -> u32;
    fn fd_close(file: u32) -> u32;
    fn fd_seek(file: u32, offset: i64, whence: u32, at: *mut u64) -> u32;
    fn fd_fdstat_get(file: u32, at: *mut u64) -> u32;
    fn fd_fdstat_set_flags(file: u32, flags: u32) -> u32;
    fn fd_filestat_get(file: u32, at: *mut u64) -> u32;
    fn fd_prestat_get(file: u32, at: *mut u64) -> u32;
    fn fd_prestat_dir_name(file: u32, at: *mut u8, size: usize) -> u32;
    fn path_open(folder: u32, look: u32, path: *const u8, size: usize, how: u32, rights: u64, inherited: u64, flags: u32, at: *mut u32) -> u32;
    fn path_filestat_get(folder: u32, look: u32, path: *const u8, size: usize, at: *mut u64) -> u32;
    fn path_create_directory(folder: u32, path: *const u8, size: usize) -> u32;
    fn path_unlink_file(folder: u32, path: *const u8, size: usize) -> u32;
    fn clock_res_get(clock: u32, at: *mut u64) -> u32;
    fn fd_advise(file: u32, offset: u64, size: u64, advice: u32) -> u32;
    fn fd_allocate(file: u32, offset: u64, size: u64) -> u32;
    fn fd_datasync(file: u32) -> u32;
    fn fd_fdstat_set_rights(file: u32, rights: u64, inherited: u64) -> u32;
    fn fd_filestat_set_size(file: u32, size: u64) -> u32;
    fn fd_filestat_set_times(file: u32, access: u64, change: u64, which: u32) -> u32;
    fn fd_pread(file: u32, vectors: *const [usize; 2], count: usize, offset: u64, read_at: *mut usize) -> u32;
    fn fd_pwrite(file: u32, vectors: *const [usize; 2], count: usize, offset: u64, written_at: *mut usize) -> u32;
    fn fd_readdir(file: u32, at: *mut u8, size: usize, cookie: u64, used_at: *mut usize) -> u32;
    fn fd_renumber(file: u32, to: u32) -> u32;
    fn fd_sync(file: u32) -> u32;
    fn fd_tell(file: u32, at: *mut u64) -> u32;
    fn path_filestat_set_times(folder: u32, look: u32, path: *const u8, size: usize, access: u64, change: u64, which: u32) -> u32;
    fn path_readlink(folder: u32, path: *const u8, size: usize, at: *mut u8, room: usize, used_at: *mut usize) -> u32;
    fn path_remove_directory(folder: u32, path: *const u8, size: usize) -> u32;
    fn path_rename(a: u32, path: *const u8, size: usize, b: u32, to: *const u8, to_size: usize) -> u32;
    fn sock_accept(file: u32, flags: u32, at: *mut u32) -> u32;
    fn sock_recv(file: u32, vectors: *const [usize; 2], count: usize, flags: u32, read_at: *mut usize, flags_at: *mut u32) -> u32;
    fn sock_send(file: u32, vectors: *const [usize; 2], count: usize, flags: u32, written_at: *mut usize) -> u32;
    fn sock_shutdown(file: u32, how: u32) -> u32;
}

/// The calls that nobody is expected to have, one error number each.
fn rest() -> String {
    let (mut n, mut wide, mut short, mut byte) = (0_usize, [0_u64; 8], 0_u32, 0_u8);
    let (vector, path) = ([[(&raw const byte).addr(), 1]], b"/x".as_ptr());
    let at = &raw mut byte;
    let all = unsafe {
        [
            clock_res_get(0, wide.as_mut_ptr()),
            fd_advise(1, 0, 0, 0),
            fd_allocate(1, 0, 0),
            fd_datasync(1),
            fd_fdstat_set_rights(1, 0, 0),
            fd_filestat_set_size(1, 0),
            fd_filestat_set_times(1, 0, 0, 0),
            fd_pread(1, vector.as_ptr(), 1, 0, &mut n),
            fd_pwrite(1, vector.as_ptr(), 1, 0, &mut n),
            fd_readdir(3, at, 1, 0, &mut n),
            fd_renumber(1, 2),
            fd_sync(1),
            fd_tell(1, wide.as_mut_ptr()),
            path_filestat_set_times(3, 0, path, 2, 0, 0, 0),
            path_readlink(3, path, 2, at, 1, &mut n),
            path_remove_directory(3, path, 2),
            path_rename(3, path, 2, 3, path, 2),
            sock_accept(1, 0, &mut short),
            sock_recv(1, vector.as_ptr(), 1, 0, &mut n, &mut short),
            sock_send(1, vector.as_ptr(), 1, 0, &mut n),
            sock_shutdown(1, 0),
        ]
    };
    all.map(|errno| errno.to_string()).join(" ")
}

/// A step about the system interface. Whether it is one.
pub fn step(words: &[&str]) -> bool {
    match words {
        ["environment"] => {
            let mut all: Vec<String> = std::env::vars().map(|(key, value)| format!("{key}={value}")).collect();
            all.sort();
            log(&format!("environment {}", all.join(" ")));
        }
        ["print", text] => println!("probe> printed {text}"),
        ["complain", text] => eprintln!("probe> complained {text}"),
        ["wasi", rest @ ..] => log(&format!("{} {}", rest.join(" "), ask(rest))),
        _ => return false,
    }
    true
}

/// What a call answers: its error number, and what else there is to say.
fn ask(words: &[&str]) -> String {
    let (mut n, mut size, mut wide, mut short) = (0_usize, 0_usize, [0_u64; 8], 0_u32);
    let mut bytes = vec![0_u8; 1 << 17];
    let number = |word: &str| word.parse().unwrap();
    let path = b"/etc/hosts";
    unsafe {
        let errno = match words {
            ["args"] => {
                let errno = args_sizes_get(&mut n, &mut size);
                return format!("{errno} {n} {size} {}", args_get(&mut bytes.as_mut_ptr(), bytes.as_mut_ptr()));
            }
            ["clock", clock] => {
                let errno = clock_time_get(number(clock), 0, wide.as_mut_ptr());
                return format!("{errno} {}", if wide[0] == 0 { "nothing" } else { "a time" });
            }
            ["random", size] => {
                let size = size.parse().unwrap();
                let errno = random_get(bytes.as_mut_ptr(), size);
                return format!("{errno} {}", if bytes.iter().all(|byte| *byte == 0) { "nothing" } else { "bytes" });
            }
            ["write", file, texts @ ..] => {
                let texts: Vec<String> = texts.iter().map(|text| text.replace('~', " ").replace("\\n", "\n")).collect();
                let vectors: Vec<[usize; 2]> = texts.iter().map(|text| [text.as_ptr().addr(), text.len()]).collect();
                let errno = fd_write(number(file), vectors.as_ptr(), vectors.len(), &mut n);
                return format!("{errno} {n}");
            }
            ["yield"] => sched_yield(),
            ["poll", count] => {
                let errno = poll_oneoff(bytes.as_ptr(), bytes[1 << 16..].as_mut_ptr(), count.parse().unwrap(), &mut n);
                return format!("{errno} {n} {}", if bytes.iter().all(|byte| *byte == 0) { "nothing" } else { "an event" });
            }
            ["rest"] => return rest(),
            ["read", file] => fd_read(number(file), &[bytes.as_ptr().addr(), 8], 1, &mut n),
            ["close", file] => fd_close(number(file)),
            ["seek", file] => fd_seek(number(file), 0, 0, wide.as_mut_ptr()),
            ["status", file] => {
                let errno = fd_fdstat_get(number(file), wide.as_mut_ptr());
                return format!("{errno} {:x} {:x} {:x}", wide[0], wide[1], wide[2]);
            }
            ["set_flags", file] => fd_fdstat_set_flags(number(file), 0),
            ["file", file] => fd_filestat_get(number(file), wide.as_mut_ptr()),
            ["folder", file] => fd_prestat_get(number(file), wide.as_mut_ptr()),
            ["folder_name", file] => fd_prestat_dir_name(number(file), bytes.as_mut_ptr(), 8),
            ["open"] => path_open(3, 0, path.as_ptr(), path.len(), 0, 0, 0, 0, &mut short),
            ["path"] => path_filestat_get(3, 0, path.as_ptr(), path.len(), wide.as_mut_ptr()),
            ["create"] => path_create_directory(3, path.as_ptr(), path.len()),
            ["unlink"] => path_unlink_file(3, path.as_ptr(), path.len()),
            other => panic!("no call {other:?}"),
        };
        errno.to_string()
    }
}

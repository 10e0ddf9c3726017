//! Writes small WebAssembly modules byte by byte, so that a test can have them as wrong as it wants.

/// The value type `i32`.
pub const I32: u8 = 0x7f;
/// The value type `i64`.
pub const I64: u8 = 0x7e;

type Signature = (Vec<u8>, Vec<u8>);

/// A module as it grows. Imports come before functions.
#[derive(Clone, Default)]
pub struct Wasm {
    imports: Vec<(String, String, Signature)>,
    functions: Vec<(Option<String>, Signature, Vec<u8>)>,
    memory: Option<u32>,
    memory_names: Vec<String>,
    start: bool,
}

impl Wasm {
    /// A memory of so many pages of 64 KiB, exported.
    pub fn memory(mut self, pages: u32) -> Wasm {
        self.memory = Some(pages);
        self.memory_as("memory")
    }

    /// The memory under another name too.
    pub fn memory_as(mut self, name: &str) -> Wasm {
        self.memory_names.push(name.to_owned());
        self
    }

    /// An imported function.
    pub fn import(mut self, module: &str, name: &str, params: &[u8], results: &[u8]) -> Wasm {
        self.imports.push((module.to_owned(), name.to_owned(), (params.to_vec(), results.to_vec())));
        self
    }

    /// An exported function with this code (without its `end`).
    pub fn func(mut self, name: &str, params: &[u8], results: &[u8], code: &[u8]) -> Wasm {
        self.functions.push((Some(name.to_owned()), (params.to_vec(), results.to_vec()), code.to_vec()));
        self
    }

    /// The start function.
    pub fn start(mut self, code: &[u8]) -> Wasm {
        self.functions.push((None, (Vec::new(), Vec::new()), code.to_vec()));
        self.start = true;
        self
    }

    /// The module.
    pub fn bytes(&self) -> Vec<u8> {
        let signatures: Vec<&Signature> = self.imports.iter().map(|i| &i.2).chain(self.functions.iter().map(|f| &f.1)).collect();
        let mut out = b"\0asm\x01\0\0\0".to_vec();
        let types = signatures.iter().map(|(params, results)| [vec![0x60], list(params), list(results)].concat());
        section(&mut out, 1, types.collect());
        let import =
            |(at, (module, name, _)): (usize, &(String, String, Signature))| [text(module), text(name), vec![0], number(at)].concat();
        section(&mut out, 2, self.imports.iter().enumerate().map(import).collect());
        section(&mut out, 3, (self.imports.len()..signatures.len()).map(number).collect());
        section(&mut out, 5, self.memory.iter().map(|pages| [vec![0], number(*pages as usize)].concat()).collect());
        let mut exports: Vec<Vec<u8>> = self.memory_names.iter().map(|name| [text(name), vec![2, 0]].concat()).collect();
        for (at, (name, _, _)) in self.functions.iter().enumerate() {
            exports.extend(name.iter().map(|name| [text(name), vec![0], number(self.imports.len() + at)].concat()));
        }
        section(&mut out, 7, exports);
        if self.start {
            let last = number(signatures.len() - 1);
            out.extend([vec![8], list(&last)].concat());
        }
        let code = self.functions.iter().map(|(_, _, code)| list(&[&[0][..], code, &[0x0b]].concat()));
        section(&mut out, 10, code.collect());
        out
    }
}

fn section(out: &mut Vec<u8>, id: u8, entries: Vec<Vec<u8>>) {
    if !entries.is_empty() {
        out.push(id);
        out.extend(list(&[number(entries.len()), entries.concat()].concat()));
    }
}

fn text(text: &str) -> Vec<u8> {
    list(text.as_bytes())
}

/// Bytes with their number before them.
fn list(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len()), bytes.to_vec()].concat()
}

/// Unsigned LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

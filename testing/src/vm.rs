//! One instance of a module: its exports, and the frame around each callback (fuel, traps, transcript).

use crate::error::Error;
use crate::imports;
use crate::limits::{HOST_BYTES, HOST_CALLS};
use crate::module::Module;
use crate::state::State;
use wasmtime::{ExternType, Func, Instance, Linker, Store, Trap, Val, ValType};

/// A callback of the ABI: name, number of arguments, whether it answers.
struct Signature(&'static str, usize, bool);

const CALLBACKS: [Signature; 27] = [
    Signature("_initialize", 0, false),
    Signature("_start", 0, false),
    Signature("main", 2, true),
    Signature("proxy_on_vm_start", 2, true),
    Signature("proxy_validate_configuration", 2, true),
    Signature("proxy_on_configure", 2, true),
    Signature("proxy_on_context_create", 2, false),
    Signature("proxy_on_tick", 1, false),
    Signature("proxy_on_queue_ready", 2, false),
    Signature("proxy_on_request_headers", 3, true),
    Signature("proxy_on_request_body", 3, true),
    Signature("proxy_on_request_trailers", 2, true),
    Signature("proxy_on_request_metadata", 2, true),
    Signature("proxy_on_response_headers", 3, true),
    Signature("proxy_on_response_body", 3, true),
    Signature("proxy_on_response_trailers", 2, true),
    Signature("proxy_on_response_metadata", 2, true),
    Signature("proxy_on_http_call_response", 5, false),
    Signature("proxy_on_grpc_receive_initial_metadata", 3, false),
    Signature("proxy_on_grpc_receive", 3, false),
    Signature("proxy_on_grpc_receive_trailing_metadata", 3, false),
    Signature("proxy_on_grpc_close", 3, false),
    Signature("proxy_on_foreign_function", 3, false),
    Signature("proxy_on_done", 1, true),
    Signature("proxy_on_log", 1, false),
    Signature("proxy_on_delete", 1, false),
    Signature("proxy_on_memory_allocate", 1, true),
];

/// The versions of the ABI that the host speaks, by the export that announces them.
const VERSIONS: [&str; 3] = ["proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1", "proxy_abi_version_0_2_2"];

pub(crate) struct Vm {
    store: Store<State>,
    instance: Instance,
    fuel: u64,
    dead: bool,
}

impl Vm {
    /// Links, checks and initialises the module.
    pub(crate) fn new(module: &Module, state: State, fuel: u64, wasi: bool) -> Result<Vm, Error> {
        check_exports(module)?;
        let engine = module.compiled.engine();
        let linker = imports::linker(engine, wasi)?;
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limits);
        check_imports(module, linker, &mut store)?;
        let outcome = store.set_fuel(fuel).and_then(|()| linker.instantiate(&mut store, &module.compiled));
        let instance = match outcome {
            Ok(instance) => instance,
            Err(error) => return Err(name("(the module's start)", fuel, store.data_mut(), &error)),
        };
        let mut vm = Vm { store, instance, fuel, dead: false };
        vm.find_memory()?;
        vm.initialise()?;
        Ok(vm)
    }

    fn find_memory(&mut self) -> Result<(), Error> {
        let memory = self.instance.get_memory(&mut self.store, "memory");
        let bad = |export: &str, reason: String| Error::BadExport { export: export.to_owned(), reason };
        let memory = memory.ok_or_else(|| bad("memory", "missing".to_owned()))?;
        if memory.ty(&self.store).is_64() {
            return Err(bad("memory", "its addresses have 64 bits, those of the ABI 32".to_owned()));
        }
        self.store.data_mut().memory = Some(memory);
        let names = ["proxy_on_memory_allocate", "malloc"];
        let found = names.into_iter().find_map(|name| Some((name, self.instance.get_func(&mut self.store, name)?)));
        let (export, allocate) = found.ok_or_else(|| bad("proxy_on_memory_allocate (or malloc)", "missing".to_owned()))?;
        let typed = allocate.typed::<u32, u32>(&self.store).map_err(|e| bad(export, e.to_string()))?;
        self.store.data_mut().allocate = Some(typed);
        Ok(())
    }

    /// A reactor is initialised, a command started, as Envoy does it.
    fn initialise(&mut self) -> Result<(), Error> {
        if self.call("_initialize", 0, &[])?.is_some() {
            if self.instance.get_func(&mut self.store, "main").is_some() {
                self.call("main", 0, &[0, 0])?;
            }
            return Ok(());
        }
        self.call("_start", 0, &[])?;
        Ok(())
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Whether it trapped or ran dry.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) fn seen(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn memory_size(&mut self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Calls an export on behalf of a context. `None` if the module has no such export.
    pub(crate) fn call(&mut self, name: &'static str, context: u32, args: &[u32]) -> Result<Option<u32>, Error> {
        if self.dead {
            return Err(Error::VmDead);
        }
        // A local reply stops the callback that made it, whether the module exports the next one or not.
        self.store.data_mut().stop_iteration = false;
        let Some(func) = self.instance.get_func(&mut self.store, name) else { return Ok(None) };
        let state = self.store.data_mut();
        state.current = context;
        state.effective = 0;
        state.callback = name;
        (state.calls, state.moved) = (0, 0);
        state.transcript.push(format!("{name}{args:?}"));
        *state.spent.entry(context).or_default().callbacks.entry(name).or_default() += 1;
        let memory = self.memory_size();
        let fuelled = self.store.set_fuel(self.fuel);
        let outcome = fuelled.and_then(|()| run(&mut self.store, func, args));
        let left = self.store.get_fuel().unwrap_or(0);
        let grown = (self.memory_size() - memory) as u64;
        let fuel = self.fuel;
        let state = self.store.data_mut();
        let spent = state.spent.entry(context).or_default();
        spent.fuel += fuel.saturating_sub(left);
        spent.memory += grown;
        state.callback = "";
        state.current = 0;
        state.effective = 0;
        match outcome {
            Ok(value) => {
                state.transcript.push(format!("  {name} = {value}"));
                Ok(Some(value))
            }
            Err(error) => {
                self.dead = true;
                self.store.data_mut().trapped = context;
                Err(self::name(name, fuel, self.store.data_mut(), &error))
            }
        }
    }
}

/// Gives the failure its name.
fn name(callback: &'static str, fuel: u64, state: &mut State, error: &wasmtime::Error) -> Error {
    state.transcript.push(format!("  {callback} trapped"));
    let transcript = Box::new(state.transcript.clone());
    let callback = callback.to_owned();
    if let Some(reason) = state.crash {
        return Error::EnvoyCrash { reason, transcript };
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::OutOfFuel) {
        return Error::OutOfFuel { callback, fuel, transcript };
    }
    if state.calls > HOST_CALLS || state.moved > HOST_BYTES {
        return Error::TooManyCalls { callback, calls: state.calls, bytes: state.moved, transcript };
    }
    if state.limits.denied {
        return Error::OutOfMemory { callback, limit: state.limits.limit, transcript };
    }
    // The causes alone: with `RUST_BACKTRACE` the long form has the host's own stack too.
    Error::Trap { callback, reason: format!("{error:#}"), transcript }
}

fn run(store: &mut Store<State>, func: Func, args: &[u32]) -> wasmtime::Result<u32> {
    let mut values = [Val::I32(0), Val::I32(0), Val::I32(0), Val::I32(0), Val::I32(0)];
    for (value, arg) in values.iter_mut().zip(args) {
        *value = Val::I32(arg.cast_signed());
    }
    let mut results = [Val::I32(0)];
    let answers = func.ty(&*store).results().len().min(1);
    func.call(&mut *store, &values[..args.len()], &mut results[..answers])?;
    Ok(results[0].i32().unwrap_or(0).cast_unsigned())
}

/// Everything that the module imports is there, and has the ABI's shape.
fn check_imports(module: &Module, linker: &Linker<State>, store: &mut Store<State>) -> Result<(), Error> {
    for import in module.compiled.imports() {
        let name = format!("{}.{}", import.module(), import.name());
        let Some(wasmtime::Extern::Func(known)) = linker.get_by_import(&mut *store, &import) else {
            return Err(Error::UnknownImport { import: name });
        };
        let (here, there) = (known.ty(&*store), import.ty());
        if there.func().is_none_or(|there| !there.matches(&here)) {
            return Err(Error::BadImport { import: name, reason: format!("the host has {here}, the module wants {there:?}") });
        }
    }
    Ok(())
}

/// The version that the module announces, and the shape of every callback that it exports.
fn check_exports(module: &Module) -> Result<(), Error> {
    let exports: Vec<_> = module.compiled.exports().collect();
    let announced: Vec<&str> = exports.iter().map(|e| e.name()).filter(|name| name.starts_with("proxy_abi_version_")).collect();
    if !announced.iter().any(|name| VERSIONS.contains(name)) {
        return Err(Error::AbiVersion { found: announced.first().map(|name| (*name).to_owned()) });
    }
    for Signature(name, args, answers) in CALLBACKS {
        let Some(export) = exports.iter().find(|e| e.name() == name) else { continue };
        let ExternType::Func(ty) = export.ty() else {
            return Err(Error::BadExport { export: name.to_owned(), reason: "not a function".to_owned() });
        };
        let words = ty.params().chain(ty.results()).all(|value| matches!(value, ValType::I32));
        if !words || ty.params().len() != args || ty.results().len() != usize::from(answers) {
            let reason = format!("the host calls it with {args} arguments for {} result, the module {ty}", usize::from(answers));
            return Err(Error::BadExport { export: name.to_owned(), reason });
        }
    }
    Ok(())
}

//! Writes a rendering into its folder, so that an Envoy which watches it changes over without losing a request.
//!
//! Order: the limiter's rules (a rule that the service does not know limits nothing), clusters, routes, upstream position, gateway position,
//! and the bootstrap, which only the next start reads. Every file is replaced by a rename. One rename makes all subscriptions read again, so the
//! order holds only if each file's version is waited for.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::admin::Admin;
use crate::render::{
    BOOTSTRAP, CLUSTERS, FILTER, GATEWAY, INLINED, ISTIO_CALLS, ISTIO_FILTER, ISTIO_METRICS, ISTIO_PLUGIN, ISTIO_PROVIDERS, LIMITS, ROUTES,
    STANDALONE, UPSTREAM,
};
use crate::retired::{carry_over, keep_matched};
use crate::version::version_of;
use crate::{Problems, Rendered};

/// How a rendering is applied.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Envoy's admin interface (host and port), where an Envoy already runs on the folder.
    pub admin: Option<String>,
    /// Write even what a running Envoy cannot take over.
    pub restart: bool,
}

/// What became of a rendering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The files that were written, in that order.
    pub written: Vec<&'static str>,
    /// The files that were there already, to the letter.
    pub unchanged: Vec<&'static str>,
    /// Clusters that are no longer in the document and stay with Envoy for a while.
    pub retired: Vec<String>,
    /// The bootstrap has changed in more than the document: an Envoy that runs has to be restarted for that.
    pub restart: bool,
}

/// Writes a rendering into a folder on which no Envoy runs.
///
/// # Errors
/// A file that cannot be read or written.
pub fn write(rendered: &Rendered, folder: &Path) -> Result<Applied, Problems> {
    apply(rendered, folder, &ApplyOptions { admin: None, restart: true })
}

/// Writes a rendering into a folder on which an Envoy may run.
///
/// # Errors
/// A file that cannot be read or written, a change that needs a restart, or a file that Envoy refused.
pub fn apply(rendered: &Rendered, folder: &Path, options: &ApplyOptions) -> Result<Applied, Problems> {
    let files = Files::new(rendered, folder)?;
    let mut applied = Applied { restart: files.bootstrap_changed(), retired: files.retired.clone(), ..Applied::default() };
    if !options.restart {
        files.check_vm()?;
    }
    let admin = options.admin.as_deref().map(Admin::new);
    let of_envoy = [LIMITS, CLUSTERS, ROUTES, UPSTREAM, GATEWAY, STANDALONE, BOOTSTRAP, INLINED, FILTER];
    for file in of_envoy.into_iter().chain([ISTIO_PROVIDERS, ISTIO_CALLS, ISTIO_METRICS, ISTIO_FILTER, ISTIO_PLUGIN]) {
        let Some(change) = files.changes.iter().find(|change| change.file == file) else { continue };
        if change.old.as_deref() == Some(&*change.new) {
            applied.unchanged.push(file);
            continue;
        }
        match &admin {
            Some(admin) if [CLUSTERS, ROUTES, UPSTREAM, GATEWAY, STANDALONE].contains(&file) => replace_watched(change, folder, admin)?,
            _ => replace(folder, file, &change.new)?,
        }
        applied.written.push(file);
    }
    Ok(applied)
}

/// One file: what stands there, and what is to stand there.
struct Change {
    file: &'static str,
    old: Option<String>,
    new: String,
}

/// All files of a rendering, with what has to be kept of those before.
struct Files {
    changes: Vec<Change>,
    retired: Vec<String>,
}

impl Files {
    fn new(rendered: &Rendered, folder: &Path) -> Result<Self, Problems> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut files = Self { changes: Vec::new(), retired: Vec::new() };
        for (file, text) in &rendered.files {
            let (old, mut new) = (read(&folder.join(file))?, text.clone());
            match (*file, &old) {
                (CLUSTERS, Some(old)) => (new, files.retired) = carry_over(text, old, "  name: ", now),
                (LIMITS, Some(old)) => new = carry_over(text, old, "  value: ", now).0,
                _ => {}
            }
            files.changes.push(Change { file, old, new });
        }
        let retired = files.retired.clone();
        if let Some(routes) = files.changes.iter_mut().find(|change| change.file == ROUTES && !retired.is_empty()) {
            routes.new = keep_matched(&routes.new, &retired);
        }
        Ok(files)
    }

    fn bootstrap(&self) -> Option<(&str, &str)> {
        let change = self.changes.iter().find(|change| change.file == BOOTSTRAP)?;
        Some((change.old.as_deref()?, &change.new))
    }

    /// Whether the bootstrap differs in a line that does not hold the document itself.
    fn bootstrap_changed(&self) -> bool {
        let other_lines =
            |text: &str| text.lines().filter(|line| !line.trim_start().starts_with("value: '")).map(str::to_owned).collect::<Vec<_>>();
        self.bootstrap().is_some_and(|(old, new)| other_lines(old) != other_lines(new))
    }

    /// Another module or another environment makes another VM. Its two positions would come into force one after the other, each alone with its
    /// own memory, and a variable that Envoy was not started with is not there.
    fn check_vm(&self) -> Result<(), Problems> {
        let Some((old, new)) = self.bootstrap() else { return Ok(()) };
        let vm = |text: &str| {
            let lines =
                text.lines().map(str::trim_start).filter(|line| line.starts_with("code: ") || line.starts_with("environment_variables: "));
            lines.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        if vm(old) == vm(new) {
            return Ok(());
        }
        let (old, new) = (env_names(old), env_names(new));
        Err(Problems::Restart { added: new.difference(&old).cloned().collect(), removed: old.difference(&new).cloned().collect() })
    }
}

/// The variables that a bootstrap of ours passes to the filter.
fn env_names(bootstrap: &str) -> BTreeSet<String> {
    let line = bootstrap.lines().find(|line| line.trim_start().starts_with("environment_variables: ")).unwrap_or("");
    let list = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Replaces a watched file and waits until it is in force; if it is refused the one from before comes back.
fn replace_watched(change: &Change, folder: &Path, admin: &Admin) -> Result<(), Problems> {
    let before = admin.before(change.file)?;
    replace(folder, change.file, &change.new)?;
    let outcome = admin.await_version(change.file, version_of(&change.new).unwrap_or(""), &before);
    if let (Err(Problems::Refused { .. }), Some(old)) = (&outcome, &change.old) {
        replace(folder, change.file, old)?;
    }
    outcome
}

fn read(path: &Path) -> Result<Option<String>, Problems> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problems::Read(path.to_owned(), error)),
    }
}

/// Writes beside the watched folders and renames, so that nobody sees half a file.
fn replace(folder: &Path, file: &str, text: &str) -> Result<(), Problems> {
    let path = folder.join(file);
    let fault = |error: std::io::Error| Problems::Write(path.clone(), error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(fault)?;
    }
    let draft = folder.join(format!(".{}.new", file.replace('/', "-")));
    let mut open = fs::File::create(&draft).map_err(fault)?;
    open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).map_err(fault)?;
    fs::rename(&draft, &path).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_bootstrap_are_found() {
        let names = env_names("a:\n  environment_variables: { host_env_keys: [ \"A\", \"B_2\" ] }\n");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["A", "B_2"]);
        assert!(env_names("environment_variables: { host_env_keys: [] }").is_empty());
    }
}

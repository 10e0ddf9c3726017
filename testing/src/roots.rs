//! Root contexts: how plugins start, how a new configuration takes over, how an old root ends.

use crate::error::Error;
use crate::failure::Standing;
use crate::host::{Host, Options};
use crate::state::{Context, Plugin, Root};
use std::collections::BTreeMap;
use std::rc::Rc;

impl Host {
    /// A root context for this plugin: created, the VM started for it, configured.
    pub(crate) fn start_plugin(&mut self, plugin: Plugin) -> Result<u32, Error> {
        let id = self.fresh();
        let (root_id, size) = (plugin.root_id.clone(), plugin.configuration.len() as u32);
        let root = Root { plugin: Rc::new(plugin), tick: None, reply: None, configuring: true, queues: BTreeMap::new(), replaced: false };
        self.vm.state().contexts.insert(id, Context::Root(Box::new(root)));
        self.vm.call("proxy_on_context_create", id, &[id, 0])?;
        let vm_size = self.vm.seen().vm_configuration.len() as u32;
        if self.vm.call("proxy_on_vm_start", id, &[id, vm_size])? == Some(0) {
            return Err(Error::StartRefused(Box::new(self.transcript().clone())));
        }
        if self.vm.call("proxy_on_configure", id, &[id, size])? == Some(0) {
            return Err(Error::ConfigurationRefused { root_id, transcript: Box::new(self.transcript().clone()) });
        }
        if let Some(root) = self.vm.state().root(id) {
            root.configuring = false;
        }
        self.roots.push((root_id, id));
        Ok(id)
    }

    /// The root under which a new stream of this plugin comes; after a reload it may have to be started first.
    pub(crate) fn root_for_stream(&mut self, root_id: &str) -> Result<u32, Error> {
        if let Ok(root) = self.root(root_id) {
            return Ok(root);
        }
        let plugin = self.options.plugins.iter().find(|plugin| plugin.root_id == root_id).cloned();
        self.start_plugin(plugin.ok_or_else(|| Error::Misuse(format!("no plugin with root id `{root_id}`")))?)
    }

    /// Gives a running plugin another configuration, as an update of Envoy's does: it is tried in a VM of its own first, then gets a new
    /// root context in this one. Streams in flight stay with the old root, whose `proxy_on_done` comes when the last of them has ended.
    ///
    /// # Errors
    /// Whatever the trial does ([`Error::ConfigurationRefused`], a trap …); the old configuration serves on then.
    pub fn reconfigure(&mut self, root_id: &str, configuration: impl AsRef<[u8]>) -> Result<(), Error> {
        let known = self.options.plugins.iter().find(|plugin| plugin.root_id == root_id);
        let mut plugin = known.cloned().ok_or_else(|| Error::Misuse(format!("no plugin with root id `{root_id}`")))?;
        if plugin.configuration == configuration.as_ref() {
            // The same plugin to the letter keeps its root.
            return Ok(());
        }
        plugin.configuration = configuration.as_ref().to_vec();
        Host::start(&self.module, Options { plugins: vec![plugin.clone()], now: self.now(), ..self.options.clone() })?;
        self.note(format!("{root_id} is configured anew"));
        let old = self.root(root_id).ok();
        for known in self.options.plugins.iter_mut().filter(|known| known.root_id == root_id) {
            *known = plugin.clone();
        }
        if self.standing(0) == Standing::Served {
            self.start_plugin(plugin)?;
        }
        if let Some(old) = old {
            self.roots.retain(|(_, id)| *id != old);
            if let Some(root) = self.vm.state().root(old) {
                root.replaced = true;
            }
            self.retire(old)?;
        }
        self.settle()
    }

    /// A root that has been replaced ends when it has no stream any more.
    pub(crate) fn retire(&mut self, root: u32) -> Result<(), Error> {
        let state = self.vm.state();
        let alone = !state.contexts.values().any(|context| matches!(context, Context::Stream(stream) if stream.root == root));
        if !alone || !state.root(root).is_some_and(|root| std::mem::take(&mut root.replaced)) {
            return Ok(());
        }
        // A root that says that it is not done lives on until it calls `proxy_done`.
        self.vm.state().closing.insert(root);
        match self.call("proxy_on_done", root, &[root])? {
            Some(Some(0)) | None => Ok(()),
            Some(Some(_) | None) => {
                self.vm.state().closing.remove(&root);
                self.delete_root(root)
            }
        }
    }

    /// The end of a root that is done.
    pub(crate) fn delete_root(&mut self, id: u32) -> Result<(), Error> {
        self.call("proxy_on_delete", id, &[id])?;
        self.vm.state().contexts.remove(&id);
        Ok(())
    }
}

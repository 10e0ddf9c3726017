//! The short way to a first test: one filter, one provider, the services that it calls, and Envoy around them.

use crate::callout::{Answer, Callout};
use crate::error::Error;
use crate::host::{Host, Options};
use crate::module::Module;
use crate::proxy::Proxy;
use crate::rpc::{Rpc, RpcPlay, Services};
use crate::state::{Answers, Plugin};
use crate::wiring::{Cluster, Play, Sent, Wiring};

/// A filter in the listener's chain, in front of one provider. What needs more positions or clusters uses [`Host`] and [`Wiring`].
pub struct Scene {
    module: Module,
    plugin: Plugin,
    environment: Vec<(String, String)>,
    provider: Cluster,
    services: Vec<(String, Answers)>,
    rpcs: Vec<(String, Services)>,
}

impl Scene {
    /// This module as the plugin of this `root_id` and configuration, in front of a provider that answers 200 without a body.
    pub fn of(module: &Module, root_id: &str, configuration: impl AsRef<[u8]>) -> Scene {
        let plugin = Plugin::new(root_id, configuration);
        let provider = Cluster::new(|_| Play::answer(200));
        Scene { module: module.clone(), plugin, environment: Vec::new(), provider, services: Vec::new(), rpcs: Vec::new() }
    }

    /// With Envoy's `allow_on_headers_stop_iteration: true`, see [`Plugin::stop_iteration`].
    #[must_use]
    pub fn stop_iteration(mut self) -> Scene {
        self.plugin.stop_iteration = true;
        self
    }

    /// With this environment variable in the VM.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Scene {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// This provider: it sees what was sent, and says what comes back.
    #[must_use]
    pub fn provider(mut self, plays: impl FnMut(&Sent) -> Play + 'static) -> Scene {
        self.provider = Cluster::new(plays);
        self
    }

    /// A cluster that the filter calls out to, and what comes of it.
    #[must_use]
    pub fn service(mut self, cluster: &str, answers: impl FnMut(&Callout) -> Answer + 'static) -> Scene {
        self.services.push((cluster.to_owned(), Box::new(answers)));
        self
    }

    /// A gRPC service that the filter calls, or has a stream with, and what comes of that: see [`RpcPlay`].
    #[must_use]
    pub fn rpc(mut self, cluster: &str, plays: impl FnMut(&Rpc) -> RpcPlay + 'static) -> Scene {
        self.rpcs.push((cluster.to_owned(), Box::new(plays)));
        self
    }

    /// Starts the VM.
    ///
    /// # Errors
    /// Everything that keeps a module from starting, each by its name.
    pub fn open(self) -> Result<Proxy, Error> {
        let wiring = Wiring::new(&self.plugin.root_id, "").on_no_match("api").cluster("api", self.provider);
        let options = Options { environment: self.environment, ..Options::plugins([self.plugin]) };
        let mut host = Host::start(&self.module, options)?;
        for (cluster, answers) in self.services {
            host.cluster(&cluster, answers);
        }
        for (cluster, plays) in self.rpcs {
            host.rpc(&cluster, plays);
        }
        Ok(Proxy::new(host, wiring))
    }
}

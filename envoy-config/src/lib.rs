//! Renders one Weir document into what Envoy and the rate-limit service read, and applies it to a running Envoy.

mod admin;
mod apply;
#[cfg(test)]
mod examples;
mod explain;
mod problems;
mod quote;
mod reference;
mod render;
mod retired;
mod schema;
mod source;
mod template;
mod version;

pub use apply::{Applied, ApplyOptions, apply, write};
pub use explain::explain;
pub use problems::Problems;
pub use reference::{kinds, reference};
pub use render::{IstioOptions, Module, ModuleFault, RenderOptions, Rendered, render_envoy, render_istio, static_bootstrap};
pub use schema::schema;
pub use source::Source;

//! Renders one Weir document into what Envoy and the rate-limit service read.

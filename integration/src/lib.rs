//! Real Envoy, simulated providers, the rate-limit service: what the demo, the tests and the benchmarks stand on.

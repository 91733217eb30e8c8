// Package istio has tests only: they run corsgate behind Istio's own control
// plane. Istio's xDS server runs inside the test, with the code that istiod runs
// for pushes, EnvoyFilters and the Gateway API, and configures a real Envoy.
//
// It is a module of its own, because Istio brings hundreds of others; "make
// test-istio" fetches them and runs it.
package istio

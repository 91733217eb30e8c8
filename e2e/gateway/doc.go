// Package gateway holds what corsgate renders for Envoy Gateway against its
// consumer. The default tests run what egctl made of it (testdata) in the real
// Envoys; with Envoy Gateway's own programs at hand (make test-envoy-gateway)
// its control plane runs too, and the translation is made anew.
package gateway

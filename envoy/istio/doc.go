// Package istio renders what attaches corsgate to the proxies of Istio: an
// EnvoyFilter that puts the filters of package envoy at the head of their
// chains and tunes the cluster that Istio makes of corsgate's Service, a
// DestinationRule with the rest of that tuning, and, where they are wanted, the
// Service and a PeerAuthentication.
//
// Istio reads an EnvoyFilter with its own copy of Envoy's definitions and drops
// without a word what it does not know; everything here is known to the Istio
// that the tests run.
package istio

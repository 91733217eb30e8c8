// Package migrate reads the CORS configuration of other gateways and writes tenant documents that
// do the same, or less. Every difference in effect is reported.
//
// Sources are Envoy's own CORS filter, Istio, Envoy Gateway, the Gateway API and ingress-nginx. Each has a reader
// that turns its objects into [site]s: hosts, paths and policies in common words. The rest is
// shared. Origins are proven, not guessed: an entry is written only when every origin that
// it allows was allowed before.
package migrate

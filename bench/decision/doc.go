// Package decision compares the decision itself, without gRPC and Envoy, with a peer: the policy, and the whole way
// from an authority to a decision, against rs/cors on the same requests, hostile ones included.
//
//	go test -bench . -count 6 ./decision | benchstat -col /impl -
//
// Both sides end with response headers: ours as a list, the peer's in a map of http.Header. The peer is a middleware
// in front of a handler that does nothing, with one policy for everybody; it looks up no tenant. What it does more is
// to fill that map; what we do more is to say why. A test holds that both give the same verdict on each request, since
// speeds of different answers cannot be compared.
package decision

// Package harness starts what the end-to-end tests need: the real Envoy, a
// sample application whose every response the test dictates, corsgate as a
// process or a gRPC service inside the test, a client that sends exact bytes,
// and a bounded load.
//
// Everything listens on loopback, on ports that the system chooses, and ends
// with the test that started it. Waiting is always for a condition, with a
// limit. When a test fails, logs, counters and Envoy's configuration are kept
// in the test's artifact directory (go test -artifacts); otherwise nothing is.
//
// Nothing but tests imports this package.
package harness

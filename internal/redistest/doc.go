// Package redistest runs the real redis-server for tests: alone, replicated
// under Sentinel, as a Cluster, with TLS and users of an ACL, and behind links
// that slow down, lose or cut what passes. Everything listens on loopback, on free ports, and is
// gone when the test has ended. Programs use it through [Run].
package redistest

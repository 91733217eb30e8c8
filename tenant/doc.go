// Package tenant knows who is asked and which policy is live. A tenant
// document ([Decode]) becomes a [Record]; records become an immutable
// [Snapshot], compiled once; a snapshot finds the tenant of a request by what
// a preflight also carries (rule 24) and hands out a [View], which serves the
// whole stream (rule 73). A view never fails: each way of not knowing is a
// [Freshness] with a closed answer of its own.
//
// Registries keep a current snapshot: files reads it from files. The
// package knows nothing of Envoy, gRPC or HTTP. Rule numbers in comments are
// those of docs/rules.md.
package tenant

// Package telemetry makes spans, metrics and log records of decisions, and keeps the most frequent
// refusals of each tenant for the question "why is this origin blocked?".
//
// [Telemetry.Observe] is called by the server on a request's own goroutine, so it counts, and no
// more: a few atomic additions and a histogram. A span is made for the requests that are sampled, a
// log record for those that are worth one; writing, exporting and the search for near misses happen on
// goroutines of their own, behind bounded queues that drop when they are full. No failure of a
// back end reaches a decision.
//
// What is measured is listed once, in [Catalogue]; instruments, the page docs/metrics.md and the
// checks of rules and dashboards are made of that list. Every label is a closed set, so that nothing
// a client sends can make a series. The one exception is the id of a tenant in
// cors.tenant.denials.topk, which comes from the registry and is bounded.
//
// How the registry fares is not known here: it comes as [Figures], by a function.
package telemetry

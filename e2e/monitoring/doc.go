// Package monitoring has a real Prometheus scrape the real corsgate, the real Envoy, a prober and an audit while requests are
// allowed, denied and failing, and asks it what rules and dashboards ask: a name that nobody exports is a
// panel without data and an alert that never fires, and nothing else would notice.
package monitoring

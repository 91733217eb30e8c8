package monitoring_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/deploy/monitoring/rules"
	"github.com/corsgate/corsgate/internal/telemetry"
)

// catalogue are the metrics that rules and dashboards may use, with the values of their labels; nil where
// a label's values are not fixed.
type catalogue map[string]map[string][]string

// exported is all that our programs and Envoy export. A name that is not here is a mistake in a rule, which
// no tool would notice: an expression of metrics that nobody has is valid, and silent.
func exported() catalogue {
	c := catalogue{}
	for _, m := range telemetry.Catalogue(telemetry.DefaultTiers()) {
		labels := map[string][]string{}
		for _, l := range m.Labels {
			labels[l.Prometheus()] = l.Values
		}
		if m.Kind != telemetry.Histogram {
			c[m.Prometheus()] = labels
			continue
		}
		c.histogram(m.Prometheus(), labels)
	}
	envoy := map[string][]string{"envoy_http_conn_manager_prefix": nil}
	for _, call := range []string{"preflight", "actual", "actual_closed"} {
		for _, counter := range []string{"streams_started", "streams_failed", "message_timeouts", "failure_mode_allowed"} {
			c["envoy_http_ext_proc_"+call+"_"+counter] = envoy
		}
	}
	cluster := map[string][]string{"envoy_cluster_name": {"corsgate"}}
	for _, gauge := range []string{"membership_healthy", "membership_total", "outlier_detection_ejections_active"} {
		c["envoy_cluster_"+gauge] = cluster
	}
	c.histogram("envoy_cors_preflight_duration_ms", map[string][]string{"cors_outcome": {"allowed", "denied", "error", "passthrough"}})

	probe := map[string][]string{"cors_probe_case": nil, "cors_probe_path": {"direct", "edge"}}
	c["cors_probe_success"], c["cors_probe_duration_seconds"] = probe, probe
	c["cors_probe_propagation_seconds"] = map[string][]string{"cors_probe_change": {"allow", "revoke"}}
	c["cors_probe_last_run_timestamp_seconds"] = nil
	audit := map[string][]string{"cors_audit_finding": {"unused_30d", "unused_90d", "wildcard", "dangerous", "expired"}}
	c["cors_audit_entries"], c["cors_audit_tenants"] = audit, audit
	return c
}

func (c catalogue) histogram(name string, labels map[string][]string) {
	c[name+"_count"], c[name+"_sum"] = labels, labels
	buckets := map[string][]string{"le": nil}
	maps.Copy(buckets, labels)
	c[name+"_bucket"] = buckets
}

// ofTargets are labels that every series has, or that Prometheus makes.
func ofTargets() []string { return []string{"__name__", "job", "instance"} }

// check holds an expression against c. recorded are the names of recording rules with the labels they have.
func (c catalogue) check(t *testing.T, where, expr string, recorded map[string][]string) {
	t.Helper()
	uses := rules.Parse(expr)
	known := ofTargets()
	for _, s := range uses.Selectors {
		labels, ours := c[s.Metric]
		names, isRecorded := recorded[s.Metric]
		switch {
		case s.Metric == "" || s.Metric == "ALERTS":
			continue
		case isRecorded:
			known = append(known, names...)
		case !ours:
			t.Errorf("%s: nobody exports %s", where, s.Metric)
			continue
		}
		for name := range labels {
			known = append(known, name)
		}
		for _, m := range s.Matchers {
			c.matcher(t, where+": "+s.Metric, m, labels, names)
		}
	}
	for _, name := range uses.Grouping {
		if !slices.Contains(known, name) {
			t.Errorf("%s: groups by %s, which none of its metrics has", where, name)
		}
	}
}

func (c catalogue) matcher(t *testing.T, where string, m rules.Matcher, labels map[string][]string, recorded []string) {
	t.Helper()
	values, ok := labels[m.Label]
	if !ok && !slices.Contains(recorded, m.Label) && !slices.Contains(ofTargets(), m.Label) {
		t.Errorf("%s has no label %s", where, m.Label)
	}
	if values == nil {
		return
	}
	for _, v := range m.Alternatives() {
		if !strings.HasPrefix(v, "$") && !slices.Contains(values, v) {
			t.Errorf("%s: the label %s is never %q", where, m.Label, v)
		}
	}
}

// recorded are the names that rules record, each with the labels that its expression keeps: those after by.
func recorded(all []rules.Rule) map[string][]string {
	out := map[string][]string{}
	for _, r := range all {
		if r.Record == "" {
			continue
		}
		uses := rules.Parse(r.Expr)
		labels := uses.Grouping
		for _, s := range uses.Selectors {
			labels = append(labels, out[s.Metric]...)
		}
		out[r.Record] = labels
	}
	return out
}

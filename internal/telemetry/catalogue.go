package telemetry

import (
	"slices"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// Kind is what a metric does.
type Kind uint8

// The kinds of metrics.
const (
	Counter Kind = iota
	Gauge
	Histogram
)

// String returns the name that Prometheus has for k.
func (k Kind) String() string {
	return [...]string{Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[min(k, Histogram)]
}

// Label is an attribute of a metric and all the values that it can have.
type Label struct {
	// Key is OpenTelemetry's name, as "cors.reason".
	Key string
	// Values is the closed set; nil where the set is bounded in another way.
	Values []string
}

// Prometheus is the name of the label in an exposition.
func (l Label) Prometheus() string { return strings.ReplaceAll(l.Key, ".", "_") }

// Metric is one instrument.
type Metric struct {
	// Name is OpenTelemetry's name, as "cors.decisions".
	Name string
	Kind Kind
	// Unit is a UCUM code, as "s" or "{decision}".
	Unit string
	Help string
	// Labels are the attributes, in order.
	Labels []Label
	// Bounds are the upper bounds of a histogram's buckets.
	Bounds []float64
	// Most is how many sets of labels there can be.
	Most int
}

// Prometheus is the name of the metric in an exposition, without the suffixes of a histogram's parts.
func (m Metric) Prometheus() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	suffix, ok := map[string]string{"s": "_seconds", "By": "_bytes", "ms": "_milliseconds"}[m.Unit]
	if ok && !strings.HasSuffix(name, suffix) {
		name += suffix
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Series is how many series m can have in an exposition.
func (m Metric) Series() int {
	if m.Kind == Histogram {
		return m.Most * (len(m.Bounds) + 3) // buckets, +Inf, sum, count
	}
	return m.Most
}

// Values of labels that more than one metric has.
const (
	tierOther = "other"
	noSource  = "none"
)

// DefaultTiers are the values of the document label "tier" that metrics tell apart.
func DefaultTiers() []string { return []string{"gold", "silver", "bronze"} }

// MaxTiers is how many tiers can be told apart.
const MaxTiers = 3

// MaxSeries is the most series that a process has, whatever happens to it.
const MaxSeries = 1200

func label(key string, values ...string) Label { return Label{Key: key, Values: values} }

func reasonLabel() Label {
	l := Label{Key: "cors.reason"}
	for r := range policy.Reasons() {
		l.Values = append(l.Values, r.String())
	}
	return l
}

func phaseLabel() Label {
	return label("cors.phase", "preflight", "actual", "same_origin", "websocket", "other")
}

func tierLabel(tiers []string) Label {
	return label("cors.tenant.tier", append(slices.Clone(tiers), tierOther)...)
}

// Catalogue lists every metric of the serving process, with the tiers that are told apart.
func Catalogue(tiers []string) []Metric {
	list := slices.Concat(decisionMetrics(tiers), registryMetrics(), storeMetrics(), rumMetrics(), processMetrics())
	for i := range list {
		m := &list[i]
		if m.Most == 0 {
			m.Most = 1
			for _, l := range m.Labels {
				m.Most *= len(l.Values)
			}
		}
	}
	return list
}

func decisionMetrics(tiers []string) []Metric {
	tier, phase, reason := tierLabel(tiers), phaseLabel(), reasonLabel()
	legal := 0
	for range legalDecisions(len(tier.Values)) {
		legal++
	}
	return []Metric{
		{
			Name: "cors.decisions", Unit: "{decision}", Help: "Decisions.", Most: legal,
			Labels: []Label{phase, label("cors.outcome", "passthrough", "allowed", "denied", "error"), reason, tier},
		},
		{
			Name: "cors.decision.duration", Kind: Histogram, Unit: "s", Help: "Time from the arrival of a message to its encoded reply.",
			Labels: []Label{phase, label("cors.cache", "hit", "stale", "miss")},
			Bounds: []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 1e-3, 5e-3, 10e-3, 25e-3, 50e-3},
		},
		{
			Name: "cors.policy.source.decisions", Unit: "{decision}", Help: "Decisions by where the policy came from.",
			Labels: []Label{label("cors.policy.source", "live", "stale", "disk", "baseline", noSource)},
		},
		{
			Name: "cors.shadow.decisions", Unit: "{decision}", Help: "Decisions that a watching candidate was compared with, by the reason in force.",
			Labels: []Label{label("cors.shadow.result", "agree", "would_allow", "would_deny"), reason},
		},
		{
			Name: "cors.regression.denials", Unit: "{decision}", Help: "Denials of what the tenant's previous document allowed, within a day of the change.",
			Labels: []Label{tier, label("cors.reason", denials()...)},
		},
		{
			Name: "cors.upstream.conflicts", Unit: "{response}", Help: "Responses whose own CORS headers differed from the decision.",
			Labels: []Label{label("cors.conflict.mode", "override", "fill", "passthrough")},
		},
		{
			Name: "cors.tenant.denials.topk", Kind: Gauge, Unit: "{decision}", Help: "Denials of the tenants with the most of them, since each came on the list; the rest is _other.",
			Labels: []Label{{Key: "cors.tenant.id"}}, Most: topTenants + 1,
		},
		{Name: "cors.reply.rejected", Unit: "{reply}", Help: "Replies that held a value that must not be sent, and were answered closed."},
		{Name: "cors.panics", Unit: "{panic}", Help: "Decisions that panicked, and were answered closed."},
		{Name: "cors.streams.active", Kind: Gauge, Unit: "{stream}", Help: "Requests in flight."},
		{
			Name: "cors.log.dropped", Unit: "{line}", Help: "Lines of the log that were not written: decisions above the rate, a sink that was too slow, or one that failed.",
			Labels: []Label{label("cors.log.drop", "rate", "sink", "failed")},
		},
		{
			Name: "cors.spans.dropped", Unit: "{span}", Help: "Spans that were not made, above the cap, or not delivered.",
			Labels: []Label{label("cors.span.drop", "cap", "export")},
		},
	}
}

// denials are the reasons of denials.
func denials() []string {
	var names []string
	for r := policy.OriginMultiple; r <= policy.TenantAmbiguous; r++ {
		names = append(names, r.String())
	}
	return names
}

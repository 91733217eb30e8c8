package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// decisions counts and times decisions.
type decisions struct {
	tiers []string

	total       *counter
	sources     *counter
	shadows     *counter
	regressions *counter
	conflicts   *counter
	rejected    *counter
	panics      *counter

	duration metric.Float64Histogram // nil before Start
	timed    [phases][caches][]metric.RecordOption
}

const caches = 3 // hit, stale, miss

func newDecisions(tiers []string, list byName) *decisions {
	d := &decisions{
		tiers:       tiers,
		total:       list.counter("cors.decisions"),
		sources:     list.counter("cors.policy.source.decisions").announce(),
		shadows:     list.counter("cors.shadow.decisions"),
		regressions: list.counter("cors.regression.denials").announce(),
		conflicts:   list.counter("cors.upstream.conflicts").announce(),
		rejected:    list.counter("cors.reply.rejected").announce(),
		panics:      list.counter("cors.panics").announce(),
	}
	for c := range legalDecisions(len(tiers) + 1) {
		d.total.shown[d.index(c)] = true
	}
	labels := list.labels("cors.decision.duration")
	for i := range phases * caches {
		d.timed[i/caches][i%caches] = []metric.RecordOption{metric.WithAttributeSet(combination(labels, i))}
	}
	return d
}

// index is the place of c among the cells of total.
func (d *decisions) index(c cell) int {
	return ((int(c.phase)*outcomes+int(c.outcome))*reasons+int(c.reason))*(len(d.tiers)+1) + c.tier
}

// tier is the number of a tier; all that are not told apart share the last.
func (d *decisions) tier(name string) int {
	for i, t := range d.tiers {
		if t == name {
			return i
		}
	}
	return len(d.tiers)
}

// count counts o. span is the span of the decision, or nil.
func (d *decisions) count(o *server.Observation, span trace.Span) {
	if o.Rejected {
		d.rejected.add(0, 1)
	}
	if o.Conflict {
		d.conflicts.add(int(min(o.Upstream, policy.Passthru)), 1)
	}
	if o.Panicked {
		d.panics.add(0, 1)
	}
	if o.Late {
		return // counted already
	}
	tier, p := d.tier(o.Tier), phaseOf(o.Kind)
	if int(o.Outcome) >= outcomes || int(o.Reason) >= reasons {
		return
	}
	d.total.add(d.index(cell{p, o.Outcome, o.Reason, tier}), 1)
	d.sources.add(sourceOf(o.Freshness), 1)
	if s := shadowOf(o.Shadow); s >= 0 {
		d.shadows.add(s*reasons+int(o.Reason), 1)
	}
	if o.Regressed && o.Outcome == policy.Denied {
		d.regressions.add(tier*int(policy.TenantAmbiguous-policy.OriginMultiple+1)+int(o.Reason-policy.OriginMultiple), 1)
	}
	if d.duration != nil {
		d.duration.Record(exemplar(span), o.Duration.Seconds(), d.timed[p][cacheOf(o)]...)
	}
}

// exemplar is the context by which a measurement finds its span.
func exemplar(span trace.Span) context.Context {
	if span == nil {
		return context.Background()
	}
	return trace.ContextWithSpan(context.Background(), span)
}

// sourceOf is the place of a freshness among the values of cors.policy.source.
func sourceOf(f tenant.Freshness) int {
	if f > tenant.Baseline {
		return int(tenant.Baseline) + 1
	}
	return int(f)
}

func shadowOf(result string) int {
	switch result {
	case tenant.ShadowAgree:
		return 0
	case tenant.ShadowWouldAllow:
		return 1
	case tenant.ShadowWouldDeny:
		return 2
	default:
		return -1
	}
}

// cacheOf is the place of o among the values of cors.cache.
func cacheOf(o *server.Observation) int {
	switch {
	case o.Waited:
		return 2
	case o.Freshness == tenant.Stale || o.Freshness == tenant.Disk || o.Freshness == tenant.Baseline:
		return 1
	default:
		return 0
	}
}

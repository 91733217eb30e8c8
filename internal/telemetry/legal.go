package telemetry

import (
	"iter"

	"github.com/corsgate/corsgate/policy"
)

// cell is one set of labels of cors.decisions.
type cell struct {
	phase   phase
	outcome policy.Outcome
	reason  policy.Reason
	tier    int
}

// phase is a value of the label cors.phase, in its order.
type phase uint8

const (
	preflight phase = iota
	actual
	sameOrigin
	webSocket
	other
	phases = int(other) + 1
)

func phaseOf(k policy.Kind) phase {
	switch k {
	case policy.Preflight:
		return preflight
	case policy.Actual:
		return actual
	case policy.SameOrigin:
		return sameOrigin
	case policy.WebSocket:
		return webSocket
	default:
		return other
	}
}

const (
	outcomes = int(policy.Error) + 1
	reasons  = int(policy.Overload) + 1
)

// family is a set of decisions that differ in reason and tier only.
type family struct {
	phase   phase
	outcome policy.Outcome
	// named are reasons of decisions about a known tenant, of any tier; nameless those without.
	named, nameless []policy.Reason
}

// families are all decisions that package policy can make. A test holds them against the corpus.
func families() []family {
	const (
		passthrough, allowed, denied, failed = policy.Passthrough, policy.Allowed, policy.Denied, policy.Error
	)
	granted := []policy.Reason{policy.OriginPublic, policy.OriginListed, policy.OriginPattern, policy.OriginTemporary}
	strange := []policy.Reason{policy.OriginMultiple, policy.OriginMalformed, policy.OriginNull, policy.OriginNotListed}
	same := append([]policy.Reason{policy.OriginSame}, granted...)
	asked := append([]policy.Reason{
		policy.MethodMalformed, policy.MethodForbidden, policy.MethodNotListed,
		policy.HeadersMalformed, policy.HeadersOversize, policy.HeadersNotListed, policy.PathAmbiguous,
	}, strange...)
	nobody := []policy.Reason{policy.TenantUnknown, policy.TenantAmbiguous}
	off := []policy.Reason{policy.TenantOff}
	forwarded := []policy.Reason{policy.TenantForwarded}
	list := []family{
		{preflight, allowed, granted, nil},
		{preflight, denied, asked, nobody},
		{preflight, passthrough, off, forwarded},
		{actual, allowed, granted, nil},
		{actual, denied, append([]policy.Reason{policy.PathAmbiguous}, strange...), nobody},
		{actual, passthrough, off, []policy.Reason{policy.TenantForwarded, policy.TenantUnknown}},
		{sameOrigin, allowed, same, nil},
		{sameOrigin, passthrough, []policy.Reason{policy.OriginSame, policy.TenantOff, policy.PathAmbiguous}, append(forwarded, nobody...)},
		{webSocket, allowed, same, nil},
		{webSocket, denied, append([]policy.Reason{policy.PathAmbiguous}, strange...), []policy.Reason{policy.TenantAmbiguous}},
		{webSocket, passthrough, []policy.Reason{policy.WebSocketIgnored, policy.NoOrigin, policy.TenantOff, policy.PathAmbiguous}, append(forwarded, nobody...)},
		{other, passthrough, []policy.Reason{policy.NoOrigin, policy.MethodExempt, policy.TenantOff, policy.PathAmbiguous}, append([]policy.Reason{policy.RequestUnseen, policy.TenantForwarded}, nobody...)},
	}
	for p := range phases {
		// Whoever fails has not found the tenant, unless it panics, or holds a value that must not be sent.
		list = append(list, family{
			phase(p), failed,
			[]policy.Reason{policy.Panic, policy.PolicyUnreadable},
			[]policy.Reason{policy.StoreUnavailable, policy.HostConflict, policy.Overload},
		})
	}
	return list
}

// legalDecisions gives every set of labels that a decision can have. The last tier is that of no tenant.
func legalDecisions(tiers int) iter.Seq[cell] {
	return func(yield func(cell) bool) {
		for _, f := range families() {
			for _, r := range f.named {
				for tier := range tiers {
					if !yield(cell{f.phase, f.outcome, r, tier}) {
						return
					}
				}
			}
			for _, r := range f.nameless {
				if !yield(cell{f.phase, f.outcome, r, tiers - 1}) {
					return
				}
			}
		}
	}
}

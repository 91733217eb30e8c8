package server

import (
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Phase is the callback in which something happened.
type Phase uint8

// The phases.
const (
	// RequestPhase is the request_headers callback.
	RequestPhase Phase = iota
	// ResponsePhase is the response_headers callback.
	ResponsePhase
)

// String returns "request" or "response".
func (p Phase) String() string {
	if p == ResponsePhase {
		return "response"
	}
	return "request"
}

// Observation is one decision, for metrics, spans and logs. There is one per
// decision: at the request in designs A and C, at the response in design B.
// What only the response of design A shows comes in a second one, marked Late.
type Observation struct {
	Kind    policy.Kind
	Outcome policy.Outcome
	Reason  policy.Reason
	// Tenant is the tenant's id, or "".
	Tenant    string
	Freshness tenant.Freshness
	// Shadow and Variant are those of tenant.Result.
	Shadow  string
	Variant string
	Phase   Phase
	// Answered: we replied instead of the application.
	Answered bool
	// Conflict: the application's own CORS headers differ from ours (rule 72).
	Conflict bool
	// Rejected: a value that must not reach a header was found while encoding, and
	// the answer was closed. It must never happen.
	Rejected bool
	// Late marks a second callback about a decision that was observed before. It is
	// sent for a conflict, a rejection or a panic in the response phase of design A;
	// count those, not the decision.
	Late bool
	// Duration is the time from the arrival of the message to its encoded reply.
	Duration time.Duration
	// Origin and Host are what the client sent: untrusted bytes of bounded length,
	// never to be used as a label or logged unescaped (rules 23, 80).
	Origin string
	Host   string
}

// observation describes the decision that x now holds.
func (x *exchange) observation(m *message, rep *reply) Observation {
	d := &x.result.Decision
	return Observation{
		Kind:      d.Kind,
		Outcome:   d.Outcome,
		Reason:    d.Reason,
		Tenant:    x.tenant,
		Freshness: x.freshness,
		Shadow:    x.result.Shadow,
		Variant:   x.result.Variant,
		Phase:     m.kind.phase(),
		Answered:  rep.answered,
		Conflict:  rep.conflict,
		Rejected:  rep.rejected,
		Duration:  time.Since(x.received),
		Origin:    m.request.Origin,
		Host:      m.request.Authority,
	}
}

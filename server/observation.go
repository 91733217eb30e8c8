package server

import (
	"time"

	"go.opentelemetry.io/otel/trace"

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
	// OriginIndex is the index of the entry that matched, or -1.
	OriginIndex int
	// Upstream says what becomes of the application's own CORS headers.
	Upstream policy.UpstreamMode
	// Regressed: a denial of what the tenant's previous document allowed; see tenant.Result.
	Regressed bool
	// Tenant is the tenant's id, or "". Tier is the label of that name of its document, or "", and
	// Revision the document's, or 0.
	Tenant    string
	Tier      string
	Revision  int64
	Freshness tenant.Freshness
	// Waited: the tenant was not in memory, and the request waited for it.
	Waited bool
	// Shadow and Variant are those of tenant.Result.
	Shadow  string
	Variant string
	Phase   Phase
	// Answered: we replied instead of the application, with Status.
	Answered bool
	Status   int
	// Conflict: the application's own CORS headers differ from ours (rule 72).
	Conflict bool
	// Rejected: a value that must not reach a header was found while encoding, and
	// the answer was closed. It must never happen.
	Rejected bool
	// Panicked: handling this very message panicked; see [policy.Panic].
	Panicked bool
	// Late marks a second callback about a decision that was observed before. It is
	// sent for a conflict, a rejection or a panic in the response phase of design A;
	// count those, not the decision. It has no request.
	Late bool
	// Received is when the message came, Duration the time until its reply was encoded.
	Received time.Time
	Duration time.Duration
	// Parent is Envoy's own span of this call; invalid when Envoy traces nothing.
	Parent trace.SpanContext

	// What follows is what the client sent: untrusted bytes of bounded length, never to
	// be used as a label or logged unescaped (rules 23, 80).

	// Request is what was decided.
	Request policy.Request
	// Key is what the tenant was looked up by.
	Key tenant.Key
	// RequestID is Envoy's x-request-id, or empty. It is valid during the call only.
	RequestID []byte
}

// observation describes the decision that x now holds. It is valid until the message is forgotten.
func (x *stream) observation(m *message, rep *reply) *Observation {
	d := &x.result.Decision
	x.seen = Observation{
		Kind:        d.Kind,
		Outcome:     d.Outcome,
		Reason:      d.Reason,
		OriginIndex: d.OriginIndex,
		Upstream:    d.UpstreamMode(),
		Regressed:   x.result.Regressed,
		Tenant:      x.tenant.ID,
		Tier:        x.tenant.Tier,
		Revision:    x.tenant.Revision,
		Freshness:   x.tenant.Freshness,
		Waited:      x.waited,
		Shadow:      x.result.Shadow,
		Variant:     x.result.Variant,
		Phase:       m.kind.phase(),
		Answered:    rep.status != 0,
		Status:      rep.status,
		Conflict:    rep.conflict,
		Rejected:    rep.rejected,
		Received:    x.received,
		Duration:    time.Since(x.received),
		Parent:      x.parent,
		Request:     m.request,
		Key:         x.key(m),
		RequestID:   m.requestID,
	}
	return &x.seen
}

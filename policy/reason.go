package policy

import "iter"

// Outcome is the result of a decision in one word, fit for a metric label.
type Outcome uint8

// The outcomes.
const (
	// Passthrough touches nothing: CORS does not apply.
	Passthrough Outcome = iota
	// Allowed grants what the policy grants.
	Allowed
	// Denied grants nothing, by policy.
	Denied
	// Error grants nothing, because we failed.
	Error
)

// Reason is the single cause of a decision. This enumeration is the one list
// for metrics, spans, dynamic metadata, access logs, explain and the docs.
type Reason uint8

// The reasons. Comments name the rule.
const (
	// NoOrigin: not a CORS request (rules 1, 4).
	NoOrigin Reason = iota
	// MethodExempt: CONNECT or TRACE (rule 10).
	MethodExempt
	// RequestUnseen: a response without a known request (rules 8, 69).
	RequestUnseen
	// TenantOff: the tenant's mode is OFF.
	TenantOff
	// TenantForwarded: the tenant is unknown and the operator chose to pass such requests on (rule 28).
	TenantForwarded
	// WebSocketIgnored: a websocket under websockets: IGNORE (rule 9).
	WebSocketIgnored
	// OriginSame: Origin is the request's own scheme and authority (rule 7).
	OriginSame

	// OriginPublic: the policy is "*" without credentials (rule 45).
	OriginPublic
	// OriginListed: an exact entry (rule 30).
	OriginListed
	// OriginPattern: a wildcard entry (rules 31, 32, 35).
	OriginPattern
	// OriginTemporary: an entry of temporary_origins that has not expired.
	OriginTemporary

	// OriginMultiple: more than one Origin in one value (rule 11).
	OriginMultiple
	// OriginMalformed: not a serialised origin (rules 12–19).
	OriginMalformed
	// OriginNull: the opaque origin "null" (rule 20).
	OriginNull
	// OriginNotListed: a well-formed origin that no entry matches.
	OriginNotListed
	// MethodMalformed: Access-Control-Request-Method is not one token (rule 39).
	MethodMalformed
	// MethodForbidden: CONNECT, TRACE or TRACK was asked for (rule 39).
	MethodForbidden
	// MethodNotListed: a method outside the policy (rules 37, 38, 40).
	MethodNotListed
	// HeadersMalformed: Access-Control-Request-Headers holds a non-token (rule 43).
	HeadersMalformed
	// HeadersOversize: Access-Control-Request-Headers is beyond the bounds (rule 43).
	HeadersOversize
	// HeadersNotListed: a header name outside the policy (rule 44).
	HeadersNotListed
	// PathAmbiguous: the path can be read as one that another route of the tenant is for (rule 27a).
	PathAmbiguous
	// TenantUnknown: no policy for this host (rule 28).
	TenantUnknown
	// TenantAmbiguous: the authority cannot name one host (rule 26).
	TenantAmbiguous

	// StoreUnavailable: the registry cannot say, and nothing is left to answer from (rule 76).
	StoreUnavailable
	// PolicyUnreadable: the tenant exists and its document cannot be used (rule 74).
	PolicyUnreadable
	// HostConflict: two tenants list this host, and neither held it before, so no tenant has it (rule 26a).
	HostConflict
	// Panic: a decision failed unexpectedly.
	Panic
	// Overload: too much is in flight already.
	Overload
)

// String is the name of o in metrics, spans and metadata.
func (o Outcome) String() string {
	switch o {
	case Passthrough:
		return "passthrough"
	case Allowed:
		return "allowed"
	case Denied:
		return "denied"
	case Error:
		return "error"
	}
	return "invalid"
}

// lastReason ends the enumeration.
const lastReason = Overload

// Reasons gives every reason in the order of the enumeration.
func Reasons() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for r := range lastReason + 1 {
			if !yield(r) {
				return
			}
		}
	}
}

// ParseReason finds a reason by its String.
func ParseReason(name string) (Reason, bool) {
	for r := range Reasons() {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}

// String is the name of r in metrics, spans, metadata, access logs and explain.
func (r Reason) String() string { return r.about().name }

// Rule is the rule that r comes from, as "rule 30".
func (r Reason) Rule() string { return r.about().rule }

// Text says in one sentence what r means, for people.
func (r Reason) Text() string { return r.about().text }

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

// about is what there is to say about a reason.
type about struct{ name, rule, text string }

// about looks r up: first the reasons that let requests pass, then those that do not.
func (r Reason) about() about {
	switch r {
	case NoOrigin:
		return about{"no_origin", "rule 1", "the request has no Origin, so it is not a CORS request"}
	case MethodExempt:
		return about{"method_exempt", "rule 10", "CONNECT and TRACE pass untouched"}
	case RequestUnseen:
		return about{"request_unseen", "rule 69", "the request of this response was never seen, so only Vary is kept right"}
	case TenantOff:
		return about{"tenant_off", "rule 28", "the tenant is switched off: nothing is touched"}
	case TenantForwarded:
		return about{"tenant_forwarded", "rule 28", "no tenant has this host, and the operator chose to pass such requests on"}
	case WebSocketIgnored:
		return about{"websocket_ignored", "rule 9", "the policy leaves websockets alone"}
	case OriginSame:
		return about{"origin_same", "rule 7", "the origin is the request's own, so nothing needs to be granted"}
	case OriginPublic:
		return about{"origin_public", "rule 45", "the policy allows every origin, without credentials"}
	case OriginListed:
		return about{"origin_listed", "rule 30", "the origin is listed"}
	case OriginPattern:
		return about{"origin_pattern", "rule 31", "a wildcard entry covers the origin"}
	case OriginTemporary:
		return about{"origin_temporary", "rule 36", "a temporary entry that has not ended covers the origin"}
	default:
		return r.aboutRefusal()
	}
}

func (r Reason) aboutRefusal() about {
	switch r {
	case OriginMultiple:
		return about{"origin_multiple", "rule 11", "the Origin header holds more than one value"}
	case OriginMalformed:
		return about{"origin_malformed", "rule 12", "the Origin header is not what a browser sends"}
	case OriginNull:
		return about{"origin_null", "rule 20", "null is everybody's sandboxed frame, local file or redirect"}
	case OriginNotListed:
		return about{"origin_not_listed", "rule 30", "no entry covers the origin"}
	case MethodMalformed:
		return about{"method_malformed", "rule 39", "the requested method is not one token"}
	case MethodForbidden:
		return about{"method_forbidden", "rule 39", "scripts can never use this method"}
	case MethodNotListed:
		return about{"method_not_listed", "rule 37", "the policy does not list the requested method"}
	case HeadersMalformed:
		return about{"headers_malformed", "rule 43", "a requested header is not a header name"}
	case HeadersOversize:
		return about{"headers_oversize", "rule 43", "more headers are requested than any script sends"}
	case HeadersNotListed:
		return about{"headers_not_listed", "rule 44", "the policy does not list a requested header"}
	case PathAmbiguous:
		return about{"path_ambiguous", "rule 27a", "the path can be read as one of another route"}
	case TenantUnknown:
		return about{"tenant_unknown", "rule 28", "no tenant has this host"}
	case TenantAmbiguous:
		return about{"tenant_ambiguous", "rule 26", "the authority does not name one host"}
	case StoreUnavailable:
		return about{"store_unavailable", "rule 76", "the registry cannot be asked and nothing is left to answer from"}
	case PolicyUnreadable:
		return about{"policy_unreadable", "rule 74", "the tenant's document cannot be used"}
	case HostConflict:
		return about{"host_conflict", "rule 26a", "two tenants list this host, and neither held it before, so no tenant has it"}
	case Panic:
		return about{"panic", "rule 76", "the decision failed unexpectedly"}
	case Overload:
		return about{"overload", "rule 76", "too many requests are in flight"}
	default:
		return about{name: "invalid"}
	}
}

package policy

// DecideUnseen is the answer to a response whose request is unknown: only Vary is
// kept right (rules 8 and 69).
func DecideUnseen() Decision {
	return Decision{Kind: Unseen, Reason: RequestUnseen, OriginIndex: -1, action: actVary}
}

// DecideOff is the answer of a tenant in mode OFF: nothing is touched.
func DecideOff(r *Request) Decision {
	return Decision{Kind: Classify(r), Reason: TenantOff, OriginIndex: -1}
}

// UnknownTenant is the operator's choice for hosts without a tenant (rule 28).
type UnknownTenant uint8

// The choices for unknown tenants.
const (
	// UnknownRefuse refuses preflights with 403 and leaves actual responses untouched.
	UnknownRefuse UnknownTenant = iota
	// UnknownStrip refuses preflights with 403, removes the application's CORS headers
	// from actual responses and adds Vary.
	UnknownStrip
	// UnknownForward passes everything on untouched.
	UnknownForward
)

// DecideUnknown is the answer for a host without a tenant (rule 28). Where nothing is
// refused or removed the outcome is Passthrough.
func DecideUnknown(r *Request, u UnknownTenant) Decision {
	if u == UnknownForward {
		return Decision{Kind: Classify(r), Reason: TenantForwarded, OriginIndex: -1}
	}
	d := closed(r, TenantUnknown)
	if u != UnknownStrip && d.Kind != Preflight {
		d.Outcome, d.action = Passthrough, actNone
	}
	return d
}

// DecideAmbiguous is the answer when the authority names no single host (rule 26).
func DecideAmbiguous(r *Request) Decision { return ambiguous(r, TenantAmbiguous) }

// DecidePathAmbiguous is the answer when the path can be read as one that another policy is for (rule 27a).
func DecidePathAmbiguous(r *Request) Decision { return ambiguous(r, PathAmbiguous) }

// ambiguous is the answer when nobody can say which policy is meant: preflights are refused, and so is what that policy
// may refuse; nothing that the application grants gets out.
func ambiguous(r *Request, why Reason) Decision {
	d := closed(r, why)
	if refusable(r) {
		d.Outcome, d.action = Denied, actBlock
	}
	return d
}

// closed denies cross-origin requests without a policy. What no policy could deny,
// same-origin and other requests, only loses the application's CORS headers.
func closed(r *Request, why Reason) Decision {
	d := Decision{Kind: Classify(r), Reason: why, OriginIndex: -1}
	switch d.Kind {
	case Preflight:
		d.Outcome, d.action = Denied, actRefuse
	case Actual:
		d.Outcome, d.action = Denied, actStrip
	case NotCORS, SameOrigin:
		d.action = actStrip
	case Exempt:
		d.Reason = MethodExempt
	default:
		// Websockets pass: enforcing is a policy's choice, and there is none (rule 9).
	}
	return d
}

// refusable reports whether a policy may refuse r before the application sees it: a cross-origin request with an
// unsafe method (rule 63), or the websocket handshake of another origin's page (rule 9).
func refusable(r *Request) bool {
	var c class
	c.read(r)
	switch c.kind {
	case Actual:
		return !safeMethod(r.Method)
	case WebSocket:
		return c.origin != "" && !c.same
	default:
		return false
	}
}

// DecideError is the answer when we failed (rule 76). A preflight gets 503, so that no
// browser takes it for a policy, and so does what a policy may refuse. Any other request goes on without any CORS
// header in its response, which caches are not to keep. why is StoreUnavailable, PolicyUnreadable, HostConflict,
// Panic or Overload; any other reason is taken for Panic.
func DecideError(r *Request, why Reason) Decision {
	if why < StoreUnavailable || why > Overload {
		why = Panic
	}
	d := closed(r, why)
	if d.Kind == Exempt {
		return d
	}
	d.Outcome = Error
	if d.Kind == Preflight || refusable(r) {
		d.action = actFail
	}
	return d
}

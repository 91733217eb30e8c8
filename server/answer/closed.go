package answer

import (
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// ClosedDecision grants nothing. It is for a request whose own facts are gone, or are not to be trusted; why is as
// policy.DecideError has it. refuse has the request answered in place of the application.
func ClosedDecision(why policy.Reason, kind policy.Kind, refuse bool) policy.Decision {
	r := policy.Request{Method: "GET", Origin: "null"}
	if refuse {
		r.Method = "POST"
	}
	d := policy.DecideError(&r, why)
	d.Kind = kind
	return d
}

// Strip is the answer to a response that takes every CORS header off it, whatever it holds, and keeps it out of
// caches. d is a [ClosedDecision]; others are the names of CORS headers that package policy has no name for. They are
// not checked: they stand on the response already.
func Strip(d *policy.Decision, others []string) Answer {
	res := tenant.Result{Decision: *d}
	whole := Response{Upstream: policy.Upstream{AllowOrigin: "*", HasCORS: true, Others: others}, VaryLost: true}
	e := editsOf(&res, &whole)
	return Answer{Set: e.Set, Remove: e.Remove, Metadata: notes(&res, &TenantInfo{}, nil, true), Last: true}
}

// MayBeRefused reports whether some policy might refuse r before the application sees it (rules 9, 53, 63), by the
// form of the request alone. A page's own request is not told from those of other origins.
func MayBeRefused(r *policy.Request) bool {
	switch {
	case r.Origin == "":
		return false
	case r.WebSocket:
		return true
	case IsPreflight(r):
		return true
	}
	switch r.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "CONNECT":
		return false
	default:
		return true
	}
}

// IsPreflight reports whether r has the form of a preflight.
func IsPreflight(r *policy.Request) bool {
	return r.Method == "OPTIONS" && r.Origin != "" && r.RequestMethod != ""
}

package policy

// action is what a decision does to the traffic.
type action uint8

const (
	actNone   action = iota // touch nothing
	actVary                 // response: only add Vary (rule 69)
	actStrip                // response: remove the application's CORS headers, add Vary (rules 63, 64)
	actGrant                // response: grant the origin (rule 62)
	actPublic               // response: grant everybody, without Vary (rule 45)
	actAllow                // reply to a preflight: granted (rule 52)
	actRefuse               // reply to a preflight: denied (rule 55)
	actDebug                // reply to a preflight: denied, showing what did pass (rule 56)
	actBlock                // reply to an actual request or a websocket: 403 (rules 9, 63)
	actFail                 // reply to a preflight: 503 (rule 76)
)

// Decision is the answer to one request. The zero Decision passes everything through.
// It is a value; it refers to the request's strings and to the policy, so it may be
// kept for the life of the stream (rule 22, rule 73).
type Decision struct {
	Kind    Kind
	Outcome Outcome
	Reason  Reason
	action  action
	// private: the preflight asked for private network access and gets it (rule 61).
	private bool
	// Entry is the index into the policy's origins (then temporary origins) that matched, or -1.
	Entry int

	policy  *Policy // nil for answers without one
	origin  string  // what Access-Control-Allow-Origin grants, or ""
	method  string  // the requested method, once it passed
	headers string  // the requested headers as received, once they passed
}

// Key identifies everything that the bytes of a reply depend on, beside the policy: what
// [Decision.AppendReply] gives, and what [Decision.AppendEdits] gives for an
// Upstream without CORS headers and with an empty Vary. Denied and passed-through
// answers share one key for all origins, and so do the grants of a public policy.
type Key struct {
	Kind   Kind
	Reason Reason
	Origin string

	action  action
	private bool
}

// Key returns the key of d. ok is false when the bytes also depend on what the client
// asked (echoed methods or headers) or on the application's header names
// ("expose all" with credentials).
func (d *Decision) Key() (k Key, ok bool) {
	k = Key{Kind: d.Kind, Reason: d.Reason, Origin: d.origin, action: d.action, private: d.private}
	switch p := d.policy; d.action {
	case actAllow:
		return k, !p.echoesMethod() && !p.echoesHeaders()
	case actDebug:
		return k, !p.echoesMethod()
	case actGrant:
		return k, !p.exposesAll()
	default:
		return k, true
	}
}

// Shadow returns d as it is under mode SHADOW: same Kind, Outcome and Reason for
// telemetry, but nothing is answered, set or removed.
func (d Decision) Shadow() Decision {
	return Decision{Kind: d.Kind, Outcome: d.Outcome, Reason: d.Reason, Entry: d.Entry}
}

// Answered reports whether the gateway replies itself instead of forwarding: every
// preflight in scope, a blocked request, a refused websocket.
func (d *Decision) Answered() bool { return d.action >= actAllow }

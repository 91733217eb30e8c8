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
	actFail                 // reply to a preflight, or to what a policy may refuse: 503 (rule 76)
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
	// OriginIndex is the index into the policy's origins (then temporary origins) that matched, or -1.
	OriginIndex int

	policy  *Policy // nil for answers without one
	origin  string  // what Access-Control-Allow-Origin grants, or ""
	method  string  // the requested method, once it passed
	headers string  // the requested headers as received, once they passed
}

// Key identifies everything that the bytes of a reply depend on: what
// [Decision.AppendReply] and [Decision.AppendGrants] give, and what [Decision.AppendEdits] gives for equal
// Upstreams. Denied and passed-through answers share one key for all origins, and so do the grants of a public
// policy. What the client asked for is a part only where the policy echoes it.
type Key struct {
	Kind   Kind
	Reason Reason
	Origin string
	// Method and Headers are echoed, or empty. They are as long as the client had them.
	Method, Headers string

	identity *byte // of the policy; nil for answers without one
	action   action
	private  bool
}

// Key returns the key of d.
func (d *Decision) Key() Key {
	k := Key{Kind: d.Kind, Reason: d.Reason, Origin: d.origin, action: d.action, private: d.private}
	if d.policy != nil {
		k.identity = d.policy.identity
	}
	if d.action != actAllow && d.action != actDebug {
		return k
	}
	if d.policy.echoesMethod() {
		k.Method = d.method
	}
	if d.action == actAllow && d.policy.echoesHeaders() {
		k.Headers = d.headers
	}
	return k
}

// WantsNames reports whether the edits of a response depend on its header names: [Upstream].Names is read then, and at
// no other time.
func (d *Decision) WantsNames() bool { return d.action == actGrant && d.policy.exposesAll() }

// LeavesResponses reports whether [Decision.AppendEdits] gives nothing, whatever the response holds.
func (d *Decision) LeavesResponses() bool { return d.action == actNone }

// Shadow returns d as it is under mode SHADOW: same Kind, Outcome and Reason for
// telemetry, but nothing is answered, set or removed.
func (d Decision) Shadow() Decision {
	return Decision{Kind: d.Kind, Outcome: d.Outcome, Reason: d.Reason, OriginIndex: d.OriginIndex}
}

// Answered reports whether the gateway replies itself instead of forwarding: every
// preflight in scope, a blocked request, a refused websocket.
func (d *Decision) Answered() bool { return d.action >= actAllow }

package policy

// THIS FILE IS THE CONTRACT the other packages are written against; its bodies are
// replaced by the real files (compile.go, decide.go, response.go, fallback.go, explain.go).

// Policy is a compiled Spec: immutable, safe for concurrent use.
type Policy struct{ spec Spec }

// Compile checks spec and prepares it. The error is a [Problems] with every problem.
func Compile(spec Spec) (*Policy, error) { return &Policy{spec: spec}, nil }

// Advise returns warnings about a legal but risky Spec.
func Advise(spec Spec) Problems { return nil }

func (p Problems) Error() string { return "" }

// Decision is the answer to one request. The zero Decision passes everything through.
// It is a value; it refers to the request's strings and to the policy, so it may be
// kept for the life of the stream (rule 22, rule 73).
type Decision struct {
	Kind    Kind
	Outcome Outcome
	Reason  Reason
	// Entry is the index into the policy's origins (then temporary origins) that matched, or -1.
	Entry int
	// unexported: policy, origin, requested method and headers, shadow
}

// Decide answers r by p. It never allocates and never fails.
func (p *Policy) Decide(r *Request) Decision { return Decision{} }

// Answers without a policy, each of them closed.
func DecideUnseen() Decision                             { return Decision{} } // response whose request is unknown: only Vary
func DecideOff(r *Request) Decision                      { return Decision{} } // tenant mode OFF: touch nothing
func DecideUnknown(r *Request, u UnknownTenant) Decision { return Decision{} } // rule 28
func DecideAmbiguous(r *Request) Decision                { return Decision{} } // authority names no single host: closed
func DecideError(r *Request, why Reason) Decision        { return Decision{} } // StoreUnavailable, PolicyUnreadable, Deadline, Panic, Overload

// UnknownTenant is the operator's choice for hosts without a tenant (rule 28).
type UnknownTenant uint8

const (
	UnknownRefuse  UnknownTenant = iota // preflight 403, actual untouched
	UnknownStrip                        // preflight 403, actual without upstream ACA*, Vary added
	UnknownForward                      // everything passed on untouched
)

// Shadow returns d as it is under mode SHADOW: same Kind, Outcome and Reason for
// telemetry, but nothing is answered, set or removed.
func (d Decision) Shadow() Decision { return d }

// Header is one header field; Name is lower-case.
type Header struct{ Name, Value string }

// Answered reports whether the gateway replies itself instead of forwarding: every
// preflight in scope, a blocked request, a refused websocket.
func (d *Decision) Answered() bool { return false }

// AppendReply appends the headers of the gateway's own reply to dst and returns it with
// the status. Only for Answered decisions.
func (d *Decision) AppendReply(dst []Header) (int, []Header) { return 0, dst }

// Upstream is what the application's response says about CORS. Field values of
// several lines are joined by a comma; Names lists all header names of the
// response (lower-case) and is only read for "expose all".
type Upstream struct {
	AllowOrigin, AllowCredentials, ExposeHeaders, Vary string
	HasCORS                                            bool // any access-control-* header is present
	Names                                              []string
}

// Edits are the changes to a response: removals first, then sets (each replaces).
type Edits struct {
	Remove []string
	Set    []Header
	// Conflict: the application sent CORS headers that differ from ours (rule 72).
	Conflict bool
}

// AppendEdits writes the edits of an actual response into e (reusing its slices).
func (d *Decision) AppendEdits(e *Edits, up *Upstream) {}

// Key identifies everything that the bytes of a reply depend on, beside the policy. ok is
// false when they also depend on what the client asked (echoed methods or headers).
type Key struct {
	Kind   Kind
	Reason Reason
	Origin string
}

func (d *Decision) Key() (k Key, ok bool) { return Key{}, false }

// Explanation is what explain prints.
type Explanation struct {
	Decision Decision
	Rule     string     // "rule 30"
	Entry    string     // the entry that matched, as written
	Near     []NearMiss // for denials
}

// NearMiss is an entry that almost matched.
type NearMiss struct {
	Kind  string // scheme, port, www, slash, case, apex, subdomain, expired
	Entry string
	Hint  string
}

// Explain decides r as Decide does, with the same steps, and says why.
func (p *Policy) Explain(r *Request) Explanation { return Explanation{} }

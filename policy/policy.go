// Package policy decides CORS requests. It is the pure heart of corsgate: a
// [Spec] (what an operator wrote) is compiled once into an immutable [Policy],
// and a Policy answers any [Request] with a [Decision]. A Decision knows the
// one [Reason] that made it and the exact header edits that carry it out.
//
// The package is total: every input, however hostile, gives a Decision, in
// time bounded by the constants of this package and without allocation.
// All failing happens in [Compile], which reports every [Problem] at once.
//
// It imports the standard library and golang.org/x/net only. It knows no
// Envoy, no store, no clock and no logger: facts that depend on time arrive as
// fields. Rule numbers in comments ("rule 43") are those of docs/rules.md;
// "Fetch §" names a section of the WHATWG Fetch standard.
package policy

import (
	"math"
	"slices"
	"unique"
)

// Policy is a compiled [Spec]: immutable, safe for concurrent use. It is made by
// [Compile]; the zero Policy allows no origin.
//
// There is one for each tenant in memory, and most list a few origins of their own and
// the same methods and headers as everybody: the former lie in one piece of memory, the
// latter are shared, and what few policies need is behind a pointer.
type Policy struct {
	originSet

	methods nameSet
	headers nameSet // lower-case
	exposed nameSet // lower-case
	maxAge  unique.Handle[string]

	// identity is one address for each policy. A [Key] holds on to it, and not to the whole policy.
	identity *byte

	publicEntry uint16 // the index of "*" where public
	options
}

// options are the switches of a policy.
type options struct {
	successStatus, deniedStatus uint16 // 0 for the default

	public          bool // "*" without credentials (rule 45)
	credentials     bool
	anyMethod       bool
	anyHeader       bool
	exposeStar      bool
	minimal         bool
	preflightExpose bool
	blockDenied     bool
	webSockets      bool
	privateNetwork  bool
	timing          bool
	upstream        UpstreamMode
	dangers         Dangers
}

// Origins is the number of entries, permanent and temporary.
func (p *Policy) Origins() int { return p.texts.len() }

// Dangerous lists the refusals of rules 46 and 47 that the policy's author lifted,
// as the tenant document names them in lower case.
func (p *Policy) Dangerous() []string { return p.dangers.lifted() }

// Dangers are those refusals.
func (p *Policy) Dangers() Dangers { return p.dangers }

// Public reports whether p allows every origin, without credentials (rule 45).
func (p *Policy) Public() bool { return p.public }

// Entry returns the entry of a [Decision.OriginIndex] as written, or "".
func (p *Policy) Entry(i int) string {
	if i < 0 || i >= p.texts.len() {
		return ""
	}
	return p.texts.text(i)
}

// Equal reports whether p and q are compiled from specs that say the same, so that they decide
// every request alike. Notes are for people and do not count.
func (p *Policy) Equal(q *Policy) bool {
	return p.texts == q.texts && p.permanent == q.permanent && p.options == q.options &&
		p.methods == q.methods && p.headers == q.headers && p.exposed == q.exposed && p.maxAge == q.maxAge &&
		p.timed.equal(q.timed)
}

func (t *timed) equal(u *timed) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.debugUntil == u.debugUntil && slices.Equal(t.ends, u.ends)
}

// Ended reports whether p lists origin as a temporary entry that has ended, and does not
// allow it otherwise.
func (p *Policy) Ended(origin string, now int64) bool {
	if p.timed == nil {
		return false
	}
	var d Decision
	if p.matchOrigin(&d, origin, now) {
		return false
	}
	o, ok := parseOrigin(origin)
	return ok && p.match(find(&p.originSet, origin), origin, &o, math.MinInt64) >= 0
}

// Header values that only depend on the policy; "" where there is nothing to send or where
// the value depends on the request.

// allowMethods is Access-Control-Allow-Methods.
func (p *Policy) allowMethods() string {
	switch {
	case p.echoesMethod():
		return ""
	case p.anyMethod:
		return "*"
	}
	if listed := p.methods.joined(); listed != "" {
		return listed
	}
	return "GET, HEAD, POST" // what passes without being listed (rule 38)
}

// allowHeaders is Access-Control-Allow-Headers.
func (p *Policy) allowHeaders() string {
	if p.echoesHeaders() {
		return ""
	}
	if !p.anyHeader {
		return p.headers.joined()
	}
	if listed := p.headers.open(); listed.has(authorization) {
		return "*" + listSeparator + authorization
	}
	return "*"
}

// exposeHeaders is Access-Control-Expose-Headers.
func (p *Policy) exposeHeaders() string {
	if p.exposeStar && !p.credentials {
		return "*"
	}
	return p.exposed.joined()
}

// maxAgeValue is Access-Control-Max-Age.
func (p *Policy) maxAgeValue() string {
	if p.maxAge == (unique.Handle[string]{}) {
		return ""
	}
	return p.maxAge.Value()
}

// echoesMethod reports whether a preflight is answered by the method that it asked for
// (rules 40 and 54).
func (p *Policy) echoesMethod() bool { return p.minimal || p.anyMethod && p.credentials }

// echoesHeaders reports whether a preflight is answered by the names that it asked for
// (rules 44a and 54).
func (p *Policy) echoesHeaders() bool { return p.minimal || p.anyHeader && p.credentials }

// exposesAll reports whether the names come from each response: "expose all" with
// credentials (rule 66).
func (p *Policy) exposesAll() bool { return p.exposeStar && p.credentials }

package policy

import (
	"math"
	"slices"
)

// Equal reports whether p and q are compiled from specs that say the same, so that they decide
// every request alike. Notes are for people and do not count.
func (p *Policy) Equal(q *Policy) bool {
	return p.origins == q.origins && p.permanent == q.permanent && p.options == q.options &&
		p.methods == q.methods && p.headers == q.headers && p.exposed == q.exposed && p.maxAge == q.maxAge &&
		p.timed.equal(q.timed)
}

func (t *timed) equal(u *timed) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.debugUntil == u.debugUntil && slices.Equal(t.origins.expires, u.origins.expires)
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
	return ok && p.timed.origins.match(origin, &o, math.MinInt64) != 0
}

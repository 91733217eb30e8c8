package tenant

import (
	"slices"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// previousLife is for how long after a change decisions are compared with the version before it.
const previousLife = 24 * time.Hour

// after is e as what replaces old at a moment. It knows the version before it, as long as that
// counts. A version that decides as the one before is no change: what was before that still counts.
func (e *entry) after(old *entry, at time.Time) *entry {
	previous, until := old.record, at.Add(previousLife).Unix()
	if e.record.decidesAs(old.record) {
		if old.rare == nil {
			return e
		}
		previous, until = old.rare.previous, old.rare.until
	}
	if previous == nil || !previous.Readable() || previous.deleted || at.Unix() >= until {
		return e
	}
	next := *e
	next.rare = &rare{previous: previous, until: until, rejected: e.rejected()}
	return &next
}

// settled is e without a previous version that counts no more.
func (e *entry) settled(now time.Time) *entry {
	if e.rare == nil || e.rare.previous == nil || now.Unix() < e.rare.until {
		return e
	}
	next := *e
	next.rare = nil
	return next.with(e.rejected())
}

// changed reports whether there is a previous version to be asked.
func (e *entry) changed() bool { return e != nil && e.rare != nil && e.rare.previous != nil }

// regressed: see [Result.Regressed]. The request was denied.
func (v *View) regressed(r *policy.Request, res *Result) bool {
	switch res.Kind {
	case policy.Preflight, policy.Actual, policy.WebSocket:
	default:
		return false
	}
	changed := v.entry.rare
	if r.Now >= changed.until || !changed.previous.let(r, v.path) {
		return false
	}
	by := v.by(res)
	return by == nil || res.Reason != policy.OriginNotListed || !by.policy.Ended(r.Origin, r.Now)
}

// let reports whether r lets a request for a path through that a browser would else hold back: it
// is allowed, or a websocket that the policy leaves alone.
func (r *Record) let(q *policy.Request, path string) bool {
	if r.mode == Off {
		return false
	}
	by := r.stable.at(path)
	if r.candidate != nil && r.takesCandidate(q.Origin) {
		by = r.candidate.at(path)
	}
	d := by.decide(q)
	return d.Outcome == policy.Allowed || d.Reason == policy.WebSocketIgnored
}

// decidesAs reports whether r decides every request as s does, whichever of their hosts it is for.
func (r *Record) decidesAs(s *Record) bool {
	if r.mode != s.mode || r.deleted != s.deleted || r.percent != s.percent || !r.stable.equal(&s.stable) {
		return false
	}
	if r.candidate == nil || s.candidate == nil {
		return r.candidate == s.candidate
	}
	return r.candidate.equal(s.candidate)
}

func (s *ruleset) equal(t *ruleset) bool {
	if s.policy == nil || t.policy == nil {
		return s.policy == t.policy
	}
	return s.policy.Equal(t.policy) && slices.EqualFunc(s.routes, t.routes, func(a, b route) bool {
		return a.prefix == b.prefix && a.policy.Equal(b.policy)
	})
}

package tenant

import (
	"time"

	"github.com/corsgate/corsgate/policy"
)

// View is one tenant as seen by one request. It is a small value, taken once
// and kept for the whole stream, so that a preflight, its request and the
// response are decided by one policy (rule 73). The zero View knows nothing
// and answers as [Unavailable].
type View struct {
	// Freshness says where the view comes from, or why it is empty.
	Freshness Freshness
	// Waited: the tenant was not in memory, and the lookup waited for it.
	Waited bool

	entry     *entry
	stable    *rule
	candidate *rule  // nil without a candidate
	path      string // kept only while there is a previous version, or when it is ambiguous
}

// Result is the decision in force, and what a candidate in shadow would have said.
type Result struct {
	policy.Decision
	// Shadow compares a candidate that only watched (rule 78): "agree", "would_allow",
	// "would_deny", or "" when none did.
	Shadow string
	// Variant is "stable" or "candidate" when a candidate takes a share of the traffic
	// (rule 79), else "".
	Variant string
	// Regressed: a preflight, an actual request or a websocket is denied, and the version of the
	// document before this one, decided at the same moment, lets it through. It is said for 24 hours
	// after a change, and not when the present document lists the origin as a temporary entry
	// that has ended: ending an entry by temporary_origins is how an author declares that its
	// users go.
	Regressed bool
}

// Values of [Result.Shadow] and [Result.Variant].
const (
	ShadowAgree      = "agree"
	ShadowWouldAllow = "would_allow"
	ShadowWouldDeny  = "would_deny"

	VariantStable    = "stable"
	VariantCandidate = "candidate"
)

// viewOf is the view of e for a path; a nil entry is an unknown tenant.
func viewOf(e *entry, path string) View {
	if e == nil {
		return View{Freshness: Unknown}
	}
	path = cutQuery(path)
	v := View{entry: e}
	if e.changed() {
		v.path = path
	}
	switch {
	case e.record.deleted: // also when somebody left a policy in it
		v.Freshness = Unknown
		return v
	case !e.record.Readable():
		v.Freshness = Unreadable
		return v
	}
	v.stable = e.record.stable.at(path)
	if candidate := e.record.candidate; candidate != nil {
		v.candidate = candidate.at(path)
	}
	if v.stable.policy == nil || v.candidate != nil && v.candidate.policy == nil {
		v.path = path
	}
	return v
}

// ID is the tenant's id, or "" when there is none.
func (v *View) ID() string {
	if v.entry == nil {
		return ""
	}
	return v.entry.record.id
}

// Tier is the tenant's label "tier" as its document has it, or "".
func (v *View) Tier() string {
	if v.entry == nil {
		return ""
	}
	return v.entry.record.Tier()
}

// Revision is that of the tenant's document, or 0.
func (v *View) Revision() int64 {
	if v.entry == nil {
		return 0
	}
	return v.entry.record.revision
}

// HeldSince is since when the registry holds back what its source says of the tenant; zero when it does not.
func (v *View) HeldSince() time.Time { return v.entry.heldSince() }

// MaxStale is how long the tenant may be decided by a document that its source has not confirmed; 0 when the document
// does not say.
func (v *View) MaxStale() time.Duration {
	if v.entry == nil {
		return 0
	}
	return v.entry.record.maxStale
}

// Entry is the entry that res matched, as the document has it, or "". res is from v.
func (v *View) Entry(res *Result) string {
	if by := v.by(res); by != nil {
		return by.policy.Entry(res.OriginIndex)
	}
	return ""
}

// by is the rule that res was decided by, or nil when it was by none.
func (v *View) by(res *Result) *rule {
	if res.Variant == VariantCandidate {
		return v.candidate
	}
	return v.stable
}

// Decide answers r by the view: its mode, candidate and policy, or the closed
// answer of its freshness (rules 8, 26, 28, 74, 76). u is the operator's choice for
// unknown tenants. It does not allocate.
func (v *View) Decide(r *policy.Request, u policy.UnknownTenant) Result {
	if v.stable == nil {
		res := Result{Decision: v.closed(r, u)}
		res.Regressed = res.Outcome == policy.Denied && v.entry.changed() && v.regressed(r, &res)
		return res
	}
	switch v.entry.record.mode {
	case Off:
		return Result{Decision: policy.DecideOff(r)}
	case Shadow: // denies nobody
		res := v.decide(r)
		res.Decision = res.Decision.Shadow()
		return res
	default:
		res := v.decide(r)
		res.Regressed = res.Outcome == policy.Denied && v.entry.changed() && v.regressed(r, &res)
		return res
	}
}

// closed is the answer without a policy.
func (v *View) closed(r *policy.Request, u policy.UnknownTenant) policy.Decision {
	switch v.Freshness {
	case Unknown:
		if v.entry != nil {
			// A tombstone: deleting must not hand CORS back to the application (fault F90).
			return policy.DecideUnknown(r, policy.UnknownStrip)
		}
		if r.Authority == "" {
			return policy.DecideUnseen()
		}
		return policy.DecideUnknown(r, u)
	case Ambiguous:
		return policy.DecideAmbiguous(r)
	case Unreadable:
		return policy.DecideError(r, policy.PolicyUnreadable)
	case Conflict:
		return policy.DecideError(r, policy.HostConflict)
	default:
		return policy.DecideError(r, policy.StoreUnavailable)
	}
}

// decide chooses between the policy in force and the candidate (rules 78, 79).
func (v *View) decide(r *policy.Request) Result {
	if v.candidate == nil {
		return Result{Decision: v.stable.decide(r)}
	}
	if v.entry.record.takesCandidate(r.Origin) {
		return Result{Decision: v.candidate.decide(r), Variant: VariantCandidate}
	}
	res := Result{Decision: v.stable.decide(r)}
	if v.entry.record.percent > 0 {
		res.Variant = VariantStable
	}
	if r.Origin != "" {
		watched := v.candidate.decide(r)
		res.Shadow = compare(&res.Decision, &watched)
	}
	return res
}

// takesCandidate reports whether the candidate decides for real. A request
// without an Origin belongs to no pair: only a full roll-out moves it.
func (r *Record) takesCandidate(origin string) bool {
	percent := int(r.percent)
	if percent <= 0 || origin == "" {
		return percent >= 100
	}
	return bucket(r.id, origin) < percent
}

// compare says how a watching candidate differs from the decision in force.
func compare(live, watched *policy.Decision) string {
	switch {
	case live.Outcome == watched.Outcome:
		return ShadowAgree
	case live.Outcome == policy.Denied:
		return ShadowWouldAllow
	case watched.Outcome == policy.Denied:
		return ShadowWouldDeny
	default:
		return ShadowAgree
	}
}

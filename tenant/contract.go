package tenant

// THIS FILE IS THE CONTRACT the other packages are written against; its bodies are
// replaced by the real files (key.go, view.go, snapshot.go, document.go, ...).

import "github.com/corsgate/corsgate/policy"

// Key is what a lookup goes by; a preflight carries all of it (rule 24).
type Key struct {
	// Hint is a tenant id set by the operator's route, or "". It wins over Authority.
	Hint string
	// Authority is the raw :authority.
	Authority string
	// Path is the raw :path; the query is ignored (rule 27).
	Path string
}

// Freshness says where a view comes from.
type Freshness uint8

const (
	Live Freshness = iota
	Stale
	Disk
	Baseline
	Unknown     // the registry is sure that there is no such tenant
	Ambiguous   // the authority names no single host
	Unavailable // the registry cannot say
	Unreadable  // the tenant exists but was never readable
	Loading     // a load is under way: wait on View.Loading, then look again
)

// Registry finds tenants.
type Registry interface {
	// Lookup never blocks, never allocates for a known tenant, and is safe for concurrent use.
	Lookup(Key) View
}

// View is one tenant as seen by one request; it serves the whole stream (rule 73).
type View struct {
	Freshness Freshness
	// Loading is closed when the load ends; only set when Freshness is Loading.
	Loading <-chan struct{}
	// unexported: record, policy for the path, candidate
}

// ID is the tenant's id, or "" when there is none.
func (v *View) ID() string { return "" }

// Memo is a value that the serving side attached to the policy in force when the
// snapshot was built (see Options.Attach), or nil.
func (v *View) Memo() any { return nil }

// Decide answers r by the view: mode, candidate, policy, or the closed answer of its freshness.
func (v *View) Decide(r *policy.Request, u policy.UnknownTenant) Result { return Result{} }

// Result is the decision in force, and what a candidate in shadow would have said.
type Result struct {
	policy.Decision
	// Shadow compares a candidate (rule 78): "", "agree", "would_allow", "would_deny".
	Shadow string
	// Variant is "stable" or "candidate" when a candidate takes a share of the traffic (rule 79).
	Variant string
}

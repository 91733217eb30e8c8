package tenant

import "context"

// Key is what a lookup goes by; a preflight carries all of it (rule 24).
type Key struct {
	// Hint is a tenant id set by the operator's route, or "". It wins over Authority.
	Hint string
	// Authority is the raw :authority.
	Authority string
	// Path is the raw :path; the query is ignored (rule 27).
	Path string
	// Waiter is who looks the tenant up; nil is nobody. A load for which it is the first to wait is done on its behalf.
	Waiter Waiter
}

// Waiter gives a load the values of the context of a request.
type Waiter interface {
	// Context is asked for at most once a lookup, during the lookup, and only when it begins a load. What it returns is kept for its
	// values until the load has ended, whether or not the request has.
	Context() context.Context
}

// Registry finds tenants. A [Snapshot] is the simplest one.
type Registry interface {
	// Lookup never blocks, never allocates for a known tenant, and is safe for concurrent use.
	Lookup(Key) View
}

// Freshness says where a view comes from, or why there is none.
type Freshness uint8

// The freshness of a view.
const (
	// Live is the current document.
	Live Freshness = iota
	// Stale is an older document, kept because the registry cannot be asked (rule 76).
	Stale
	// Disk is a document from the last run.
	Disk
	// Baseline is a document of the operator's static fallback.
	Baseline
	// Unknown: the registry is sure that there is no such tenant (rule 28).
	Unknown
	// Ambiguous: the authority names no single host (rule 26).
	Ambiguous
	// Unavailable: the registry cannot say (rule 76).
	Unavailable
	// Unreadable: the tenant exists but its document was never readable (rule 74).
	Unreadable
	// Loading: a load is under way; wait on View.Loading, then look again.
	Loading
)

// String returns the name of f in lower case, fit for a metric label.
func (f Freshness) String() string {
	names := [...]string{
		Live: "live", Stale: "stale", Disk: "disk", Baseline: "baseline", Unknown: "unknown",
		Ambiguous: "ambiguous", Unavailable: "unavailable", Unreadable: "unreadable", Loading: "loading",
	}
	if int(f) >= len(names) {
		return "unavailable"
	}
	return names[f]
}

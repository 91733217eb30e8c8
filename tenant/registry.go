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
}

// Registry finds tenants. A [Snapshot] is the simplest one.
type Registry interface {
	// Lookup never waits and never allocates for a tenant in memory, and is safe for concurrent use. A registry that has
	// to load the tenant makes its caller wait for that, at most for its own budget, and until ctx ends; then the
	// view is [Unavailable]. It does not use ctx after it has returned.
	Lookup(ctx context.Context, k Key) View
}

// BaselineView is the view of a tenant that a registry does not give: that of its baseline, nil for none, or the closed
// one of f.
func BaselineView(ctx context.Context, baseline Registry, k Key, f Freshness) View {
	if baseline != nil {
		switch v := baseline.Lookup(ctx, k); v.Freshness {
		case Live:
			v.Freshness = Baseline
			return v
		case Unreadable, Conflict:
			return v
		default:
		}
	}
	return View{Freshness: f}
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
	// Conflict: two tenants list the host, and neither held it (rule 26a).
	Conflict
)

// String returns the name of f in lower case, fit for a metric label.
func (f Freshness) String() string {
	names := [...]string{
		Live: "live", Stale: "stale", Disk: "disk", Baseline: "baseline", Unknown: "unknown",
		Ambiguous: "ambiguous", Unavailable: "unavailable", Unreadable: "unreadable", Conflict: "conflict",
	}
	if int(f) >= len(names) {
		return "unavailable"
	}
	return names[f]
}

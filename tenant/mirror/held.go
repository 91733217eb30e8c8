package mirror

import (
	"strings"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/corsgate/corsgate/tenant"
)

// held is one tenant in memory. It keeps its place in the index while its
// document changes.
type held struct {
	id    string
	entry atomic.Pointer[tenant.Entry] // never nil in the index
	// verified is the mirror time at which the store last said that this is its
	// document. Not above 0 for a copy from disk: as long before the start as it was.
	verified atomic.Int64
	// sum is the hash of the document's text.
	sum atomic.Uint64
	// touched: a lookup used it since the last sweep.
	touched atomic.Bool
	// pending: a change was announced that is not loaded yet.
	pending atomic.Bool
	// gone: it left the index.
	gone atomic.Bool
	// jitter spreads refreshes.
	jitter uint8

	// The rest is under [Mirror.mu].

	rejected bool   // the newest document cannot be used
	braked   bool   // a newer state of it is held back
	missing  int64  // mirror time at which it was first found missing, or 0
	run      uint64 // the last resynchronisation that saw it
}

// binding is who a host belongs to.
type binding struct {
	held *held
	// epoch of the index when it was found; only in the lazy mode.
	epoch uint32
}

// index finds tenants. Lookups read it while one writer at a time changes it.
type index struct {
	lazy  bool
	ids   *otter.Cache[string, *held]
	hosts *otter.Cache[string, binding]
	// bases has the tenants of "*.base", fallback that of "*". Both are for a whole
	// registry only: with a part of one, an exact host that is not in memory would fall to them.
	bases    *otter.Cache[string, *held]
	wildcard atomic.Int64 // number of bases
	fallback atomic.Pointer[held]
	// epoch grows when bindings by wildcard may have changed; only in the lazy mode.
	epoch atomic.Uint32
}

// hostsPerTenant bounds the bindings in the lazy mode, for each tenant.
const hostsPerTenant = 4

func newIndex(lazy bool, maxTenants int) (*index, error) {
	x := &index{lazy: lazy}
	ids := otter.Options[string, *held]{}
	hosts := otter.Options[string, binding]{}
	if lazy {
		ids.MaximumSize = maxTenants
		hosts.MaximumSize = maxTenants * hostsPerTenant
		ids.Executor = func(fn func()) { fn() }
		ids.OnDeletion = func(e otter.DeletionEvent[string, *held]) { e.Value.gone.Store(true) }
	}
	var err error
	if x.ids, err = otter.New(&ids); err != nil {
		return nil, err
	}
	if x.hosts, err = otter.New(&hosts); err != nil {
		return nil, err
	}
	x.bases, err = otter.New(&otter.Options[string, *held]{})
	return x, err
}

// byID finds a tenant by its id, or nil.
func (x *index) byID(id string) *held {
	h, _ := x.ids.GetIfPresent(id)
	return h
}

// owner finds the tenant of a canonical host, or nil. old reports that the
// answer should be asked for again.
func (x *index) owner(host string) (h *held, old bool) {
	if b, ok := x.hosts.GetIfPresent(host); ok {
		if !x.lazy {
			return b.held, false
		}
		if !b.held.gone.Load() {
			x.ids.GetIfPresent(b.held.id) // counts as a use
			return b.held, b.epoch != x.epoch.Load()
		}
		return nil, false
	}
	if x.lazy {
		return nil, false
	}
	if x.wildcard.Load() > 0 {
		for _, base, ok := strings.Cut(host, "."); ok; _, base, ok = strings.Cut(base, ".") {
			if h, ok := x.bases.GetIfPresent(base); ok {
				return h, false
			}
		}
	}
	return x.fallback.Load(), false
}

// has reports whether the index gives a host, as a document writes it, to h.
func (x *index) has(h *held, host string) bool {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case x.lazy && (isWildcard || host == "*"):
		return false
	case isWildcard:
		at, _ := x.bases.GetIfPresent(base)
		return at == h
	case host == "*":
		return x.fallback.Load() == h
	default:
		b, _ := x.hosts.GetIfPresent(host)
		return b.held == h
	}
}

// give makes h the tenant of a host as its document writes it.
func (x *index) give(h *held, host string) {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case x.lazy && (isWildcard || host == "*"):
		x.epoch.Add(1)
	case isWildcard:
		if _, added := x.bases.Set(base, h); added {
			x.wildcard.Add(1)
		}
	case host == "*":
		x.fallback.Store(h)
	default:
		x.hosts.Set(host, binding{held: h, epoch: x.epoch.Load()})
	}
}

// take removes a host from h, if it has it.
func (x *index) take(h *held, host string) {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case x.lazy && (isWildcard || host == "*"):
		x.epoch.Add(1)
	case !x.has(h, host):
	case isWildcard:
		x.bases.Invalidate(base)
		x.wildcard.Add(-1)
	case host == "*":
		x.fallback.Store(nil)
	default:
		x.hosts.Invalidate(host)
	}
}

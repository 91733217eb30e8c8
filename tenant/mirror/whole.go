package mirror

import (
	"iter"
	"strings"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// whole is the index of a registry of which every tenant is in memory.
type whole struct {
	ids   *otter.Cache[string, *held]
	hosts *otter.Cache[string, *held]
	// bases has the tenants of "*.base", fallback that of "*".
	bases     *otter.Cache[string, *held]
	wildcards atomic.Int64 // number of bases
	fallback  atomic.Pointer[held]
	// entire: every tenant is in. Before that, a host that is not found may be one whose tenant is
	// still to come, and must not fall to a wildcard.
	entire atomic.Bool
}

var _ index = (*whole)(nil)

func newWhole() (*whole, error) {
	x := &whole{}
	for _, table := range []**otter.Cache[string, *held]{&x.ids, &x.hosts, &x.bases} {
		made, err := otter.New(&otter.Options[string, *held]{})
		if err != nil {
			return nil, err
		}
		*table = made
	}
	return x, nil
}

func (x *whole) byID(id string) *held {
	h, _ := x.ids.GetIfPresent(id)
	return h
}

func (x *whole) owner(host string) (*held, bool) {
	if h, ok := x.hosts.GetIfPresent(host); ok {
		return h, false
	}
	if !x.entire.Load() {
		return nil, false
	}
	if x.wildcards.Load() > 0 {
		for _, base, ok := strings.Cut(host, "."); ok; _, base, ok = strings.Cut(base, ".") {
			if h, ok := x.bases.GetIfPresent(base); ok {
				return h, false
			}
		}
	}
	return x.fallback.Load(), false
}

func (x *whole) all() iter.Seq2[string, *held] { return x.ids.All() }
func (x *whole) size() int                     { return x.ids.EstimatedSize() }
func (x *whole) add(h *held)                   { x.ids.Set(h.id, h) }
func (x *whole) remove(h *held)                { x.ids.Invalidate(h.id) }

func (x *whole) holder(host string) *held {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case isWildcard:
		h, _ := x.bases.GetIfPresent(base)
		return h
	case host == "*":
		return x.fallback.Load()
	default:
		h, _ := x.hosts.GetIfPresent(host)
		return h
	}
}

func (x *whole) give(h *held, host string) {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case isWildcard:
		if _, added := x.bases.Set(base, h); added {
			x.wildcards.Add(1)
		}
	case host == "*":
		x.fallback.Store(h)
	default:
		x.hosts.Set(host, h)
	}
}

func (x *whole) take(h *held, host string) {
	base, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case x.holder(host) != h:
	case isWildcard:
		x.bases.Invalidate(base)
		x.wildcards.Add(-1)
	case host == "*":
		x.fallback.Store(nil)
	default:
		x.hosts.Invalidate(host)
	}
}

package mirror

import (
	"iter"
	"slices"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// hostsPerTenant bounds the bindings of a part, for each tenant.
const hostsPerTenant = 4

// part is the index of the lazy mode: the tenants that were asked for, up to a number, and the
// hosts that they were found by. It knows no wildcards: with some of the tenants only,
// a host whose own tenant is not in memory would fall to them. The store is asked for
// each host instead, and its answer is a binding.
type part struct {
	ids   *otter.Cache[string, *held]
	hosts *otter.Cache[string, *binding]
	// wild grows when a binding by wildcard may have become wrong, every when any may.
	wild, every atomic.Uint32
}

var _ index = (*part)(nil)

// binding is who a host belongs to. It names the tenant by id, so that it does not keep one in
// memory that was evicted.
type binding struct {
	id string
	// as is the host as the tenant's document lists it: itself, or a wildcard.
	as string
	epoch
	// asked: somebody asks for it again.
	asked atomic.Bool
}

// epoch is when a binding was found.
type epoch struct{ wild, every uint32 }

func newPart(maxTenants int) (*part, error) {
	ids, err := otter.New(&otter.Options[string, *held]{MaximumSize: maxTenants})
	if err != nil {
		return nil, err
	}
	hosts, err := otter.New(&otter.Options[string, *binding]{MaximumSize: maxTenants * hostsPerTenant})
	return &part{ids: ids, hosts: hosts}, err
}

func (x *part) byID(id string) *held {
	h, _ := x.ids.GetIfPresent(id)
	return h
}

func (x *part) owner(host string) (h *held, old bool) {
	b, ok := x.hosts.GetIfPresent(host)
	if !ok {
		return nil, false
	}
	h = x.byID(b.id)
	if h == nil || x.current(host, b) {
		return h, false
	}
	if !slices.Contains(h.hosts(), b.as) {
		return nil, false
	}
	return h, !b.asked.Load() && b.asked.CompareAndSwap(false, true)
}

// current reports whether nothing has happened that could make a binding wrong.
func (x *part) current(host string, b *binding) bool {
	return b.every == x.every.Load() && (b.as == host || b.wild == x.wild.Load())
}

// epoch is to be taken before the store is asked for what is then bound.
func (x *part) epoch() epoch { return epoch{wild: x.wild.Load(), every: x.every.Load()} }

// bind gives a host that was looked up to h.
func (x *part) bind(h *held, host, as string, since epoch) {
	x.hosts.Set(host, &binding{id: h.id, as: as, epoch: since})
}

// unbind forgets who a host belongs to.
func (x *part) unbind(host string) { x.hosts.Invalidate(host) }

// ask lets the next lookup of a host ask for it again.
func (x *part) ask(host string) {
	if b, ok := x.hosts.GetIfPresent(host); ok {
		b.asked.Store(false)
	}
}

// doubt has every host asked for again, as it is used.
func (x *part) doubt() { x.every.Add(1) }

func (x *part) all() iter.Seq2[string, *held] { return x.ids.All() }
func (x *part) size() int                     { return x.ids.EstimatedSize() }
func (x *part) add(h *held)                   { x.ids.Set(h.id, h) }
func (x *part) remove(h *held)                { x.ids.Invalidate(h.id) }

// holder knows exact hosts only.
func (x *part) holder(host string) *held {
	if b, ok := x.hosts.GetIfPresent(host); ok && b.as == host {
		return x.byID(b.id)
	}
	return nil
}

func (x *part) give(h *held, host string) {
	if host[0] == '*' {
		x.wild.Add(1)
		return
	}
	x.bind(h, host, host, x.epoch())
}

func (x *part) take(h *held, host string) {
	switch {
	case host[0] == '*':
		x.wild.Add(1)
	case x.holder(host) == h:
		x.unbind(host)
	}
}

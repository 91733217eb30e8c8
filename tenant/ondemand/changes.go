package ondemand

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/maypok86/otter/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxPage bounds the documents of one read.
const maxPage = 100

// take puts changes in force. After an error the same changes are to be taken again.
func (f *follower) take(ctx context.Context, changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	var ids []string
	for i := range changes {
		switch c := &changes[i]; {
		case c.Kind == store.KindConfirm: // the head said so, too
		case !tenant.ValidID(c.Tenant):
			f.counters.integrity.Add(1)
		default:
			ids = append(ids, c.Tenant)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for len(ids) > 0 {
		n := min(f.page, len(ids))
		if err := f.reload(ctx, ids[:n]); err != nil {
			f.page = max(n/2, 1) // the documents may be so large that fewer fit into the time
			return err
		}
		ids = ids[n:]
	}
	f.page = min(2*f.page, maxPage)
	f.counters.changes.Add(int64(len(changes)))
	if last := changes[len(changes)-1].At; f.position.Before(last) {
		f.reach(last)
	}
	return nil
}

// reload reads documents that have changed. Those that are in memory are replaced; of the others, the hosts may be ones
// that are in memory.
func (f *follower) reload(ctx context.Context, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, f.opt.LoadTimeout)
	defer cancel()
	s, err := f.trusted()
	if err != nil {
		return err
	}
	began := f.clock()
	f.counters.reads.Add(1)
	got, err := f.opt.Source.Documents(ctx, ids)
	switch {
	case err != nil:
		f.counters.failed.Add(1)
		return fmt.Errorf("reading %d documents that have changed: %w", len(ids), err)
	case f.mistrusts(s, got.Head):
		return errDistrusted
	}
	for i := range got.All {
		u := parse(&got.All[i], nil)
		u.Announced = true
		f.put(u, began)
	}
	return nil
}

// put puts an announced update in force. Loads of the tenant that are under way, which may have read what was before,
// have no effect.
func (f *follower) put(u tenant.Update, began int64) {
	var before *tenant.Record
	after := u.Record
	inMemory := false
	f.documents.ComputeIfPresent(u.ID, func(old *document) (*document, otter.ComputeOp) {
		inMemory, before = true, old.current.Record()
		next, err := f.merge(u, old, began)
		if err != nil {
			after = nil
			return nil, otter.InvalidateOp
		}
		after = next.current.Record()
		return next, otter.WriteOp
	})
	if !inMemory {
		f.documents.Invalidate(u.ID)
	}
	f.forget(absentKey("", u.ID))
	if after != nil {
		f.giveHosts(before, after)
	}
}

// giveHosts has the hosts asked for again that a document lists and its last version, nil for none, does not.
func (r *Registry) giveHosts(before, after *tenant.Record) {
	var wild []string
	for _, host := range after.Hosts() {
		switch {
		case before != nil && slices.Contains(before.Hosts(), host):
		case host[0] == '*':
			wild = append(wild, host[1:])
		default:
			r.askAgain(host)
		}
	}
	if len(wild) == 0 {
		return
	}
	r.changes.wild.Add(1)
	r.absent.InvalidateAll()
	var below []string
	for host, b := range r.hosts.All() {
		if b.as != host && slices.ContainsFunc(wild, func(base string) bool { return strings.HasSuffix(host, base) }) {
			below = append(below, host)
		}
	}
	for _, host := range below {
		r.askAgain(host)
	}
}

// askAgain has a host asked for again when it is used next. Loads of it that are under way have no effect.
func (r *Registry) askAgain(host string) {
	_, inMemory := r.hosts.ComputeIfPresent(host, func(b binding) (binding, otter.ComputeOp) { return b, otter.WriteOp })
	if !inMemory {
		r.hosts.Invalidate(host)
	}
	r.forget(absentKey(host, ""))
}

// changes counts changes, so that a load can tell whether it was overtaken by one that concerns its key. Keys share
// counters: some loads are repeated without need.
type changes struct {
	wild atomic.Uint64 // of what may concern any host
	keys [256]atomic.Uint64
}

func (c *changes) of(key string) *atomic.Uint64 {
	return &c.keys[xxhash.Sum64String(key)%uint64(len(c.keys))]
}

// changed grows with each change that may concern a key.
func (r *Registry) changed(key string) uint64 {
	return r.changes.wild.Load() + r.changes.of(key).Load()
}

// forget ends what is known about a key that was nobody's.
func (r *Registry) forget(key string) {
	r.changes.of(key).Add(1)
	r.absent.Invalidate(key)
}

// askAll has everything asked for again when it is used next, since changes were missed or do not count. The follower
// vouches only for what is read from now on.
func (r *Registry) askAll() {
	r.since.Store(r.clock())
	r.counters.doubts.Add(1)
	for id := range r.documents.Keys() {
		r.documents.SetRefreshableAfter(id, 1)
	}
	for host := range r.hosts.Keys() {
		r.hosts.SetRefreshableAfter(host, 1)
	}
	r.changes.wild.Add(1)
	r.absent.InvalidateAll()
}

// Suspended says that the machine slept: nothing in memory is live until it was read again.
func (r *Registry) Suspended() {
	r.floor.Store(r.clock())
	r.look.Store(true)
	r.askAll()
}

package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/tenant"
)

// Bounds of a read, as the store's contract has them.
const (
	maxOwners = 1000
	maxPage   = 500
)

// Pauses after failed reads.
const (
	minPause     = 100 * time.Millisecond
	maxPause     = 5 * time.Second
	maxLoadPause = time.Second
	// overtakenPause is that of a loader whose news were outdated.
	overtakenPause = 10 * time.Millisecond
)

// load works off the queue until ctx ends.
func (m *Mirror) load(ctx context.Context, urgent bool) error {
	pause, size := minPause, maxDocuments
	for ctx.Err() == nil { // also while there is something to do
		b, ok := m.queue.next(ctx, size, urgent)
		if !ok {
			return nil
		}
		err := m.loadBatch(ctx, b)
		if err == nil {
			pause, size = minPause, min(2*size, maxDocuments)
			continue
		}
		m.counters.failed.Add(1)
		if len(b.resolves) > 0 {
			continue // others may wait
		}
		size = max(size/2, 1) // documents may be so large that fewer fit into the time
		rest(ctx, pause)
		pause = min(2*pause, maxLoadPause)
		if b.changed {
			m.queue.want(true, b.ids...)
		}
	}
	return nil
}

// rest waits for about d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d/2 + rand.N(d/2+1)) //nolint:gosec // spreads load, hides nothing
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (m *Mirror) loadBatch(ctx context.Context, b batch) error {
	m.counters.inFlight.Add(1)
	defer m.counters.inFlight.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, m.opt.LoadTimeout)
	defer cancel()
	switch {
	case len(b.resolves) > 0:
		return m.resolve(ctx, b.resolves)
	case len(b.rebinds) > 0:
		return m.rebind(ctx, b.rebinds)
	default:
		outdated, err := m.documents(ctx, b.ids, how{})
		if len(outdated) > 0 {
			rest(ctx, overtakenPause) // another loader tries again at once; no two of them for ever
		}
		return err
	}
}

// resolve finds and loads the tenants that flights are about.
func (m *Mirror) resolve(ctx context.Context, flights []*flight) error {
	var hosts []string
	for _, f := range flights {
		if f.host != "" {
			hosts = append(hosts, f.host)
		}
	}
	since := m.epoch()
	found, err := m.find(ctx, hosts)
	if err == nil {
		for _, f := range flights {
			if f.id != "" {
				found[f.key] = ownership{id: f.id}
			}
		}
		err = m.fetch(ctx, found)
	}
	m.land(flights, func(f *flight) outcome {
		if err != nil {
			return unsure
		}
		return m.settle(f.host, found[f.key], since)
	})
	if err != nil {
		return fmt.Errorf("loading tenants that are not in memory: %w", err)
	}
	return nil
}

// rebind asks again who hosts belong to.
func (m *Mirror) rebind(ctx context.Context, hosts []string) error {
	since := m.epoch()
	found, err := m.find(ctx, hosts)
	if err == nil {
		err = m.fetch(ctx, found)
	}
	for _, host := range hosts {
		switch {
		case err != nil:
			m.part.ask(host)
		case m.settle(host, found[host], since) == unknown:
			m.part.unbind(host)
		}
	}
	return err
}

// retries bounds how often outdated documents are loaded again while somebody waits for them.
const retries = 2

// fetch loads the tenants of hosts, but for those that are in memory and live.
func (m *Mirror) fetch(ctx context.Context, found ownerships) error {
	var ids []string
	for _, o := range found {
		h := m.index.byID(o.id)
		if h != nil && m.freshness(h, h.entry.Load()) == tenant.Live && (o.as == "" || slices.Contains(h.hosts(), o.as)) {
			continue
		}
		ids = append(ids, o.id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for try := 0; len(ids) > 0; try++ {
		if try > retries {
			return errOutdated
		}
		var err error
		if ids, err = m.documents(ctx, ids, how{}); err != nil {
			return err
		}
	}
	return nil
}

// errOutdated says that every reading of a tenant was overtaken by a change.
var errOutdated = errors.New("a tenant changes faster than it can be read")

// settle says what became of a host, or of an id when host is "", after its tenant was loaded. In the
// lazy mode it binds the host; in a whole index that has happened when the document was applied.
func (m *Mirror) settle(host string, o ownership, since epoch) outcome {
	h := m.index.byID(o.id)
	switch {
	case o.id == "":
		return unknown
	case host == "" && h != nil:
		return known
	case host == "":
		return unknown
	case h == nil || !slices.Contains(h.hosts(), o.as):
		m.counters.integrity.Add(1) // a host key without a document that lists the host
		return unknown
	case m.part != nil:
		m.part.bind(h, host, o.as, since)
		return known
	case !m.whole.entire.Load() && o.as != host:
		return unsure // there may be a tenant of just this host
	default:
		return m.claim(h, host, o.as)
	}
}

// claim gives h a host of its document that the store has only now given to it, unless another
// tenant answers for the host.
func (m *Mirror) claim(h *held, host, as string) outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	if other, _ := m.index.owner(host); other == nil && m.index.byID(h.id) == h {
		m.give(h, as)
	}
	if m.index.holder(as) == h {
		return known
	}
	return unknown
}

// epoch is that of the index in the lazy mode.
func (m *Mirror) epoch() epoch {
	if m.part == nil {
		return epoch{}
	}
	return m.part.epoch()
}

// ownership is the tenant of a host, and the host as its document should list it.
type ownership struct{ id, as string }

// ownerships are by host, or by the key of a flight; what belongs to nobody is not there.
type ownerships map[string]ownership

// find asks who hosts belong to: by the exact host, then by the longest wildcard,
// then by default (rule 26).
func (m *Mirror) find(ctx context.Context, hosts []string) (ownerships, error) {
	var keys []string
	for _, host := range hosts {
		keys = append(keys, candidates(host)...)
	}
	ids, err := m.owners(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make(ownerships, len(hosts))
	for _, host := range hosts {
		for _, as := range candidates(host) {
			if id := ids[as]; id != "" {
				found[host] = ownership{id: id, as: as}
				break
			}
		}
	}
	return found, nil
}

// candidates are the hosts, as documents write them, that cover host; the most
// specific first.
func candidates(host string) []string {
	list := []string{host}
	for _, base, ok := strings.Cut(host, "."); ok; _, base, ok = strings.Cut(base, ".") {
		list = append(list, "*."+base)
	}
	return append(list, "*")
}

// owners reads who hosts belong to, as far as the guard admits it.
func (m *Mirror) owners(ctx context.Context, hosts []string) (map[string]string, error) {
	ids := make(map[string]string, len(hosts))
	for part := range slices.Chunk(hosts, maxOwners) {
		mark := m.mark()
		m.counters.reads.Add(1)
		got, err := m.opt.Reader.Owners(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("reading who %d hosts belong to: %w", len(part), err)
		}
		if !m.admit(got.Head, mark) {
			return nil, errHeld
		}
		for i, id := range got.IDs {
			ids[part[i]] = id
		}
	}
	return ids, nil
}

// how says in which way documents are loaded.
type how struct {
	// run is the resynchronisation, or 0.
	run uint64
	// force takes what the store says also where it goes back.
	force bool
}

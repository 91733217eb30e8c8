package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
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
)

// errHeld says that the guard does not admit what was read.
var errHeld = errors.New("the store is not where it should be, so what it says does not count")

// load works off the queue until ctx ends.
func (m *Mirror) load(ctx context.Context) error {
	pause := minPause
	for {
		b, ok := m.queue.next(ctx)
		if !ok {
			return nil
		}
		err := m.loadBatch(ctx, b)
		if err == nil {
			pause = minPause
			continue
		}
		m.counters.failed.Add(1)
		if len(b.resolves) > 0 {
			continue // others may wait
		}
		rest(ctx, pause)
		pause = min(2*pause, maxLoadPause)
		if b.changed {
			m.queue.want(true, b.ids...)
		}
	}
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
		return m.documents(ctx, b.ids, how{})
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
	found, err := m.find(ctx, hosts)
	ids := make([]string, 0, len(flights))
	if err == nil {
		for _, f := range flights {
			if id := found.id(f); id != "" {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) > 0 {
			err = m.documents(ctx, ids, how{})
		}
	}
	m.land(flights, err != nil, func(f *flight) bool {
		id := found.id(f)
		h := m.index.byID(id)
		if h != nil && (f.host == "" || m.bind(h, f.host, found[f.host].as)) {
			return true
		}
		if id != "" && f.host != "" {
			m.counters.integrity.Add(1) // a host key without a document that lists the host
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("loading tenants that are not in memory: %w", err)
	}
	return nil
}

// rebind asks again who hosts belong to that have been bound by a wildcard.
func (m *Mirror) rebind(ctx context.Context, hosts []string) error {
	found, err := m.find(ctx, hosts)
	if err != nil {
		return err
	}
	var ids []string
	for _, o := range found {
		ids = append(ids, o.id)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > 0 {
		if err := m.documents(ctx, ids, how{}); err != nil {
			return err
		}
	}
	for _, host := range hosts {
		o := found[host]
		if h := m.index.byID(o.id); h == nil || !m.bind(h, host, o.as) {
			m.index.hosts.Invalidate(host)
		}
	}
	return nil
}

// bind gives a host to h in the lazy mode, when h's document lists it as as. In a whole
// index that has happened already when the document was applied. It
// reports whether h has the host.
func (m *Mirror) bind(h *held, host, as string) bool {
	if !slices.Contains(h.entry.Load().Record().Hosts(), as) {
		return false
	}
	if m.opt.Lazy {
		m.index.hosts.Set(host, binding{held: h, epoch: m.index.epoch.Load()})
		return true
	}
	return m.index.has(h, as)
}

// ownership is the tenant of a host, and the host as its document should list it.
type ownership struct{ id, as string }

// ownerships are by host; hosts that belong to nobody are not there.
type ownerships map[string]ownership

func (o ownerships) id(f *flight) string {
	if f.id != "" {
		return f.id
	}
	return o[f.host].id
}

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
		m.counters.reads.Add(1)
		got, err := m.opt.Reader.Owners(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("reading who %d hosts belong to: %w", len(part), err)
		}
		if !m.admit(got.Head) {
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

// documents loads ids, at most maxPage, and applies what comes of it.
func (m *Mirror) documents(ctx context.Context, ids []string, how how) error {
	m.counters.reads.Add(1)
	got, err := m.opt.Reader.Documents(ctx, ids)
	if err != nil {
		return fmt.Errorf("reading %d tenant documents: %w", len(ids), err)
	}
	if !m.admit(got.Head) {
		return errHeld
	}
	news := m.decode(got, how)
	strangers, err := m.verify(ctx, news, ids)
	if err != nil {
		return err
	}
	if len(strangers) > 0 {
		// A host moves: both tenants are applied together, so that it is never nobody's.
		m.counters.reads.Add(1)
		more, err := m.opt.Reader.Documents(ctx, strangers)
		if err != nil {
			return fmt.Errorf("reading the owners of moved hosts: %w", err)
		}
		if !m.admit(more.Head) {
			return errHeld
		}
		others := m.decode(more, how)
		if _, err := m.verify(ctx, others, nil); err != nil {
			return err
		}
		news = append(news, others...)
	}
	m.apply(news, how)
	return nil
}

package mirror

import (
	"context"
	"sync"
)

// Bounds of one batch.
const (
	maxResolves  = 64
	maxDocuments = 100
)

// queue holds what the loaders have to do. Requests that wait come first, then
// changes that were announced, then refreshes.
type queue struct {
	mu       sync.Mutex
	resolves []*flight
	rebinds  []string
	changed  []string
	refresh  []string
	waiting  map[string]bool     // ids in changed (true) and refresh
	binding  map[string]struct{} // hosts in rebinds
	wake     chan struct{}
}

// batch is one load: flights, hosts to bind again, or ids.
type batch struct {
	resolves []*flight
	rebinds  []string
	ids      []string
	// changed: the ids were announced, so they are tried again until they are loaded.
	changed bool
}

func (q *queue) init() {
	q.waiting = make(map[string]bool)
	q.binding = make(map[string]struct{})
	q.wake = make(chan struct{}, 1)
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) resolve(f *flight) {
	q.mu.Lock()
	q.resolves = append(q.resolves, f)
	q.mu.Unlock()
	q.signal()
}

// rebind asks for the owner of a host again.
func (q *queue) rebind(host string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, is := q.binding[host]; is {
		return
	}
	q.binding[host] = struct{}{}
	q.rebinds = append(q.rebinds, host)
	q.signal()
}

// want asks for ids. An announced change goes before a refresh.
func (q *queue) want(changed bool, ids ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		asChanged, is := q.waiting[id]
		switch {
		case is && (asChanged || !changed):
			continue
		case changed:
			// Also when its refresh waits: loading twice is cheaper than searching.
			q.changed = append(q.changed, id)
		default:
			q.refresh = append(q.refresh, id)
		}
		q.waiting[id] = changed
	}
	q.signal()
}

// next waits for something to do; false means that ctx has ended.
func (q *queue) next(ctx context.Context) (batch, bool) {
	for {
		if b, ok := q.pop(); ok {
			return b, true
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return batch{}, false
		}
	}
}

func (q *queue) pop() (b batch, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.resolves, q.resolves = split(q.resolves, maxResolves)
	if len(b.resolves) == 0 {
		b.rebinds, q.rebinds = split(q.rebinds, maxResolves)
		for _, host := range b.rebinds {
			delete(q.binding, host)
		}
	}
	if len(b.resolves)+len(b.rebinds) == 0 {
		b.ids, q.changed = split(q.changed, maxDocuments)
		b.changed = len(b.ids) > 0
		if !b.changed {
			b.ids, q.refresh = split(q.refresh, maxDocuments)
		}
		for _, id := range b.ids {
			delete(q.waiting, id)
		}
	}
	if len(q.resolves)+len(q.rebinds)+len(q.changed)+len(q.refresh) > 0 {
		q.signal() // for another loader
	}
	return b, len(b.resolves)+len(b.rebinds)+len(b.ids) > 0
}

// split takes at most n from the head of a queue. What is left does not keep
// the array of what was taken for ever.
func split[T any](list []T, n int) (head, rest []T) {
	if len(list) <= n {
		return list, nil
	}
	return list[:n:n], list[n:]
}

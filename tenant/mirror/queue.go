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

// maxRebinds bounds the hosts that wait to be bound again; others ask when they are used next.
const maxRebinds = 1024

// queue holds what the loaders have to do. Requests that wait come first, then
// changes that were announced, then refreshes.
type queue struct {
	// flightsMu is never held for long: lookups take it.
	flightsMu sync.Mutex
	resolves  []*flight
	rebinds   chan string

	mu      sync.Mutex
	changed []string
	refresh []string
	waiting map[string]bool // ids in changed (true) and refresh

	wake chan struct{}
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
	q.rebinds = make(chan string, maxRebinds)
	q.wake = make(chan struct{}, 1)
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) resolve(f *flight) {
	q.flightsMu.Lock()
	q.resolves = append(q.resolves, f)
	q.flightsMu.Unlock()
	q.signal()
}

// rebind asks for the owner of a host again; it reports whether there was room.
func (q *queue) rebind(host string) bool {
	select {
	case q.rebinds <- host:
		q.signal()
		return true
	default:
		return false
	}
}

// want asks for ids. An announced change goes before a refresh.
func (q *queue) want(changed bool, ids ...string) {
	if len(ids) == 0 {
		return
	}
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

// next waits for something to do, with at most size ids; false means that ctx has ended.
// With urgent, announced changes go even before requests that wait: one loader must, or a
// flood of those would keep revocations out.
func (q *queue) next(ctx context.Context, size int, urgent bool) (batch, bool) {
	for {
		if b, ok := q.pop(size, urgent); ok {
			return b, true
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return batch{}, false
		}
	}
}

func (q *queue) pop(size int, urgent bool) (b batch, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flightsMu.Lock()
	defer q.flightsMu.Unlock()
	switch {
	case urgent && len(q.changed) > 0:
		b.ids, q.changed = split(q.changed, size)
		b.changed = true
	case len(q.resolves) > 0:
		b.resolves, q.resolves = split(q.resolves, maxResolves)
	case len(q.rebinds) > 0:
		b.rebinds = drain(q.rebinds, maxResolves)
	case len(q.changed) > 0:
		b.ids, q.changed = split(q.changed, size)
		b.changed = true
	default:
		b.ids, q.refresh = split(q.refresh, size)
	}
	for _, id := range b.ids {
		delete(q.waiting, id)
	}
	if len(q.resolves)+len(q.rebinds)+len(q.changed)+len(q.refresh) > 0 {
		q.signal() // for another loader
	}
	return b, len(b.resolves)+len(b.rebinds)+len(b.ids) > 0
}

// drain takes what is in a channel, at most n.
func drain(from chan string, n int) (list []string) {
	for len(list) < n {
		select {
		case item := <-from:
			list = append(list, item)
		default:
			return list
		}
	}
	return list
}

// split takes at most n from the head of a queue. What is left does not keep
// the array of what was taken for ever.
func split[T any](list []T, n int) (head, rest []T) {
	if len(list) <= n {
		return list, nil
	}
	return list[:n:n], list[n:]
}

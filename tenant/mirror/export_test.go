package mirror

import (
	"context"

	"github.com/corsgate/corsgate/tenant"
)

// Look is a lookup that does not wait: the channel is closed when the load that it would wait for has ended.
func Look(m *Mirror, k tenant.Key) (tenant.View, <-chan struct{}) {
	return m.look(context.Background(), k)
}

// Negatives is how many absent tenants are remembered.
func Negatives(m *Mirror) int {
	m.absentees.CleanUp()
	return m.absentees.EstimatedSize()
}

// HoldLocks takes every lock that is held while the index changes or work is given out.
func HoldLocks(m *Mirror) (release func()) {
	m.resyncing.Lock()
	m.mu.Lock()
	m.queue.mu.Lock()
	return func() {
		m.queue.mu.Unlock()
		m.mu.Unlock()
		m.resyncing.Unlock()
	}
}

// DoubtBindings has every binding of a part asked for again.
func DoubtBindings(m *Mirror) {
	if m.part != nil {
		m.part.doubt()
	}
}

// Changed is how many tenants are compared with the version before.
func Changed(m *Mirror) (n int) {
	for _, h := range m.index.all() {
		if h.entry.Load().Changed() {
			n++
		}
	}
	return n
}

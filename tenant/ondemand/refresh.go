package ondemand

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/maypok86/otter/v2"
)

const (
	// failedTTL is how long a key is left alone after the store could not say.
	failedTTL = time.Second
	// busyTTL is the same when there were too many loads at once.
	busyTTL = 100 * time.Millisecond
)

// refresh says when what is used is read again.
type refresh[V any] struct {
	// after is for what was loaded, update for what was written.
	after, update func(V) time.Duration
}

// RefreshAfterCreate implements [otter.RefreshCalculator].
func (c refresh[V]) RefreshAfterCreate(e otter.Entry[string, V]) time.Duration {
	return c.after(e.Value)
}

// RefreshAfterUpdate implements [otter.RefreshCalculator].
func (c refresh[V]) RefreshAfterUpdate(e otter.Entry[string, V], _ V) time.Duration {
	return c.update(e.Value)
}

// RefreshAfterReload implements [otter.RefreshCalculator].
func (c refresh[V]) RefreshAfterReload(e otter.Entry[string, V], _ V) time.Duration {
	return c.after(e.Value)
}

// RefreshAfterReloadFailure implements [otter.RefreshCalculator].
func (c refresh[V]) RefreshAfterReloadFailure(_ otter.Entry[string, V], err error) time.Duration {
	if errors.Is(err, errBusy) {
		return spread(busyTTL)
	}
	return spread(failedTTL)
}

// spread is d ± 20 %, so that what was loaded together is not read again together.
func spread(d time.Duration) time.Duration {
	return d - d/5 + rand.N(d*2/5+1) //nolint:gosec // spreads load, hides nothing
}

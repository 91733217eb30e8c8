package redisstore

import (
	"sync"
	"time"
)

const (
	// failuresToOpen is how many calls in a row must fail before the store gets a pause.
	failuresToOpen = 5
	// probePause is the least time between two calls to a store that fails; up to a fifth more,
	// so that instances do not come back in step.
	probePause = time.Second
)

// outcome is what a call says about the store.
type outcome int

const (
	// neutral: the call says nothing, for example as its caller gave up.
	neutral outcome = iota
	// success: the server answered, be it with an error of the call's own.
	success
	// failure: there was no answer, or the server says that it cannot serve.
	failure
)

// breaker lets calls through until the store has failed repeatedly, and then one at a time,
// once a second, until one succeeds. It is safe for concurrent use.
type breaker struct {
	now    func() time.Time
	jitter func() float64 // in [0,1)

	mu       sync.Mutex
	failures int // in a row, while closed
	open     bool
	probing  bool
	next     time.Time // of the next probe
	// transitions counts openings and closings, and tells calls of one phase from those
	// of another.
	transitions uint64
}

func newBreaker(now func() time.Time, jitter func() float64) *breaker {
	return &breaker{now: now, jitter: jitter}
}

// allow reports whether a call may be made. If so, settle must be called with the phase.
func (b *breaker) allow() (phase uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		if b.probing || b.now().Before(b.next) {
			return 0, false
		}
		b.probing = true
	}
	return b.transitions, true
}

// settle takes the outcome of a call, and reports whether it opened or closed the breaker.
func (b *breaker) settle(phase uint64, o outcome) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if phase != b.transitions {
		return false // the call began before the last change and says nothing new
	}
	switch {
	case b.open && o == success:
		b.open, b.probing, b.failures = false, false, 0
		b.transitions++
		return true
	case b.open:
		b.probing = false
		b.pause()
	case o == success:
		b.failures = 0
	case o == failure:
		b.failures++
		if b.failures >= failuresToOpen {
			b.open = true
			b.transitions++
			b.pause()
			return true
		}
	}
	return false
}

func (b *breaker) pause() {
	b.next = b.now().Add(probePause + time.Duration(b.jitter()*float64(probePause)/5))
}

// state reports whether the breaker is open, and how often it opened or closed.
func (b *breaker) state() (open bool, transitions uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.transitions
}

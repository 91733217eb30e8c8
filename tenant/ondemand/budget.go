package ondemand

import (
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// sake is what a load is for.
type sake int

const (
	// inBackground: a refresh of what is in memory. It does not wait for its turn; the next use tries again.
	inBackground sake = iota
	// forRequest: requests wait for a key that is known.
	forRequest
	// forStranger: requests wait for a key of which nothing is known. It may be anybody's invention.
	forStranger
	// within: it is a part of another load, and has its turn already.
	within
)

// Reasons of loads that do not happen.
var (
	errBusy    = errors.New("too many loads at once")
	errRefused = errors.New("too many loads of unknown hosts or ids")
)

// budgets bound the loads, so that strangers cannot make the store work, nor keep the known tenants from being loaded.
type budgets struct {
	// known and unknown have an item for each load.
	known, unknown chan struct{}
	// rate bounds the loads of unknown keys that find no tenant: a load costs a token when it ends so.
	rate *rate.Limiter
	// strangers is the number of loads that may still cost one, those that wait for their turn included.
	strangers atomic.Int64
}

// enter begins a load; leave must be told whether a tenant was found.
func (r *Registry) enter(s sake) (leave func(found bool), err error) {
	b := &r.slots
	switch s {
	case within:
		return func(bool) {}, nil
	case inBackground:
		select {
		case b.known <- struct{}{}:
			return func(bool) { <-b.known }, nil
		default:
			return nil, errBusy
		}
	case forRequest:
		if err := r.turn(b.known); err != nil {
			return nil, err
		}
		return func(bool) { <-b.known }, nil
	default:
		return r.enterStranger()
	}
}

func (r *Registry) enterStranger() (leave func(found bool), err error) {
	b := &r.slots
	if n := b.strangers.Add(1); float64(n) > b.rate.Tokens() {
		b.strangers.Add(-1)
		r.counters.refused.Add(1)
		return nil, errRefused
	}
	if err := r.turn(b.unknown); err != nil {
		b.strangers.Add(-1)
		return nil, err
	}
	r.counters.unknown.Add(1)
	return func(found bool) {
		if !found {
			b.rate.Reserve()
		}
		b.strangers.Add(-1)
		<-b.unknown
	}, nil
}

// turn waits for a slot.
func (r *Registry) turn(slots chan struct{}) error {
	timer := time.NewTimer(r.opt.LoadTimeout)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	}
}

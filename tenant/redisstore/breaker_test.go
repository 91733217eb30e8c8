package redisstore

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func testBreaker() *breaker { return newBreaker(time.Now, func() float64 { return 0.5 }) }

// pass lets time go by, in a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }

// call makes one call with an outcome and reports whether it was allowed.
func call(b *breaker, o outcome) bool {
	phase, ok := b.allow()
	if ok {
		b.settle(phase, o)
	}
	return ok
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		for _, o := range []outcome{failure, failure, failure, failure, success, failure, failure, neutral, failure, failure} {
			if !call(b, o) {
				t.Fatal("a closed breaker refuses")
			}
		}
		if open, n := b.state(); open || n != 0 {
			t.Fatalf("open %t after %d transitions; a success begins anew, and what says nothing is not counted", open, n)
		}
		call(b, failure)
		if open, n := b.state(); !open || n != 1 || call(b, success) {
			t.Fatalf("open %t after %d transitions, after five failures in a row", open, n)
		}
	})
}

func TestBreakerProbesOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		for range failuresToOpen {
			call(b, failure)
		}
		// Calls come every 10 ms for a minute, and each fails.
		probes, last := 0, time.Now()
		for range 6000 {
			pass(10 * time.Millisecond)
			if call(b, failure) {
				if gap := time.Since(last); gap < probePause {
					t.Fatalf("two calls within %v", gap)
				}
				probes, last = probes+1, time.Now()
			}
		}
		if probes < 50 || probes > 60 {
			t.Errorf("%d probes in a minute, want about 54", probes)
		}
		pass(2 * probePause)
		if !call(b, neutral) || call(b, success) {
			t.Error("a probe that says nothing gives no second one")
		}
		pass(2 * probePause)
		if !call(b, success) {
			t.Error("no probe after a pause")
		}
		if open, n := b.state(); open || n != 2 {
			t.Errorf("open %t after %d transitions, after a probe that succeeded", open, n)
		}
		for range failuresToOpen - 1 {
			call(b, failure)
		}
		if open, _ := b.state(); open {
			t.Error("failures before the pause are counted after it")
		}
	})
}

func TestBreakerIgnoresWhatBeganEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		early, _ := b.allow()
		for range failuresToOpen {
			call(b, failure)
		}
		if b.settle(early, success) {
			t.Error("a call from before the failures closes the breaker")
		}
		pass(2 * probePause)
		probe, ok := b.allow()
		if !ok {
			t.Fatal("no probe")
		}
		if b.settle(early, failure); call(b, success) {
			t.Error("a call from before the failures ends the probe")
		}
		if !b.settle(probe, success) {
			t.Error("the probe closes nothing")
		}
	})
}

func TestBreakerLetsOneProbePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		for range failuresToOpen {
			call(b, failure)
		}
		pass(2 * probePause)
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if phase, ok := b.allow(); ok {
					passed.Add(1)
					pass(time.Millisecond)
					b.settle(phase, failure)
				}
			})
		}
		all.Wait()
		if n := passed.Load(); n != 1 {
			t.Errorf("%d probes at once", n)
		}
	})
}

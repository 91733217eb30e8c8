package mirror_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestR1StartsFromDisk: without the store the tenants of the last run decide, as long as they may.
func TestR1StartsFromDisk(t *testing.T) {
	scene(t, mirror.Options{MaxDiskAge: 10 * time.Minute}, func(w *world) {
		hasty := simple("hasty", "v1")
		hasty.maxStale = 5 * time.Minute
		w.write(simple("a", "v1"), hasty)
		w.start()
		step(2 * time.Second)
		w.crash()
		w.Fail(errGone)
		step(10 * time.Second)
		w.start()

		w.want("a.example", "disk v1")
		w.want("hasty.example", "disk v1")
		w.want("b.example", "unavailable")
		if s := w.m.Status(); !s.Ready || s.Following || s.Tenants != 2 || s.Confirmed >= 0 {
			t.Errorf("from disk: %+v", s)
		}
		step(4*time.Minute + 40*time.Second)
		w.want("hasty.example", "disk v1")
		step(15 * time.Second)
		w.want("a.example", "disk v1")
		w.want("hasty.example", "unavailable")
		step(5 * time.Minute)
		w.want("a.example", "unavailable")
		if s := w.m.Status(); s.Expired != 2 || s.Disk != 0 {
			t.Errorf("too old: %+v", s)
		}

		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("hasty.example", "live v1")
	})
}

// TestR1OldDisk: what is older than it may be does not decide, not even while the store is found
// again, and the time on disk counts.
func TestR1OldDisk(t *testing.T) {
	scene(t, mirror.Options{MaxDiskAge: time.Minute}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(2 * time.Second)
		w.crash()
		step(2 * time.Minute)
		// The changes could be followed from where the copy is, but they cannot be read.
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpHead || c.Op == storetest.OpHasChange {
				return nil
			}
			return errGone
		})
		w.start()
		w.want("a.example", "unavailable")
		step(10 * time.Second)
		w.want("a.example", "unavailable")
		w.Intercept(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
	})
}

// TestR2StartsFromBaseline: without the store and a copy the operator's documents decide.
func TestR2StartsFromBaseline(t *testing.T) {
	record := document.ParseStored("base", simple("base", "v0").bytes()).Record
	snapshot, _ := tenant.NewSnapshot([]*tenant.Record{record}, tenant.Options{})
	scene(t, mirror.Options{Baseline: snapshot}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Fail(errGone)
		w.start()
		w.want("base.example", "baseline v0")
		w.want("a.example", "unavailable")
		if s := w.m.Status(); s.Ready {
			t.Errorf("with nothing but a baseline: %+v", s)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.want("base.example", "baseline v0") // the store does not know it
		w.want("a.example", "live v1")
		w.write(simple("base", "v1"))
		step(soon)
		w.want("base.example", "live v1")
	})
}

// TestR3StartsWithNothing: every answer is closed until there is a store.
func TestR3StartsWithNothing(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Fail(errGone)
		w.start()
		w.want("a.example", "unavailable")
		w.want("/a", "unavailable")
		if s := w.m.Status(); s.Ready || s.Primed || s.Following {
			t.Errorf("with nothing: %+v", s)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		if s := w.m.Status(); !s.Ready || !s.Primed || !s.Following {
			t.Errorf("with a store: %+v", s)
		}
	})
}

// TestR4OutlivesTheStore: live, stale, and at the end nothing; then live again, changes included.
func TestR4OutlivesTheStore(t *testing.T) {
	scene(t, mirror.Options{MaxStale: 10 * time.Minute}, func(w *world) {
		hasty := simple("hasty", "v1")
		hasty.maxStale = 5 * time.Minute
		w.write(simple("a", "v1"), hasty)
		w.start()
		w.want("a.example", "live v1")
		w.want("b.example", "unknown")

		w.Fail(errGone)
		w.write(simple("a", "v2"), simple("b", "v1"))
		step(29 * time.Second)
		w.want("a.example", "live v1")
		w.want("c.example", "unknown")
		step(2 * time.Second)
		w.want("a.example", "stale v1")
		w.want("hasty.example", "stale v1")
		w.want("c.example", "unavailable")
		w.want("b.example", "unavailable")
		step(2 * time.Second)
		if s := w.m.Status(); !s.Ready || s.Following || s.Stale != 2 {
			t.Errorf("without the store: %+v", s)
		}
		step(4*time.Minute + 28*time.Second)
		w.want("a.example", "stale v1")
		w.want("hasty.example", "unavailable")
		step(5 * time.Minute)
		w.want("a.example", "unavailable")
		if got := w.m.Stats(); got.Expired != 2 || got.Sessions == 0 || got.FailedLoads == 0 {
			t.Errorf("counted %+v", got)
		}

		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v2")
		w.want("b.example", "live v1")
		w.want("c.example", "unknown")
		w.count(map[string]int64{"resyncs": 1}) // the changes were enough
	})
}

// TestR5SlowStore: nobody waits for what is in memory, and nobody longer than the budget for the rest.
func TestR5SlowStore(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, LoadTimeout: time.Second}, func(w *world) {
		w.write(simple("hot", "v1"), simple("cold", "v1"))
		w.start()
		w.want("hot.example", "live v1")
		w.Delay(100 * time.Millisecond)

		began := time.Now()
		w.want("hot.example", "live v1")
		if took := time.Since(began); took != 0 {
			t.Errorf("what is in memory took %v", took)
		}
		w.want("cold.example", "unavailable")
		if took := time.Since(began); took != 10*time.Millisecond {
			t.Errorf("what is not took %v", took)
		}
		w.count(map[string]int64{"overdue": 1, "unknown": 2})
		began = time.Now()
		w.want("cold.example", "unavailable")
		if took := time.Since(began); took != 0 {
			t.Errorf("the second one waited %v", took)
		}
		step(time.Second)
		w.want("cold.example", "live v1")
	})
}

// TestR6Flapping: a store that comes and goes loses no change.
func TestR6Flapping(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v0"))
		w.start()
		for i := range 60 {
			w.Fail(errGone)
			w.write(simple("a", "v"+string(rune('a'+i%26))))
			step(300 * time.Millisecond)
			w.Fail(nil)
			step(300 * time.Millisecond)
			if v := w.look("a.example"); v.Freshness != tenant.Live {
				t.Fatalf("round %d: %s", i, v.Freshness)
			}
		}
		step(6 * time.Second)
		w.want("a.example", "live vh") // 59 % 26 = 7
		w.count(map[string]int64{"resyncs": 1})
	})
}

// TestR29Suspended: after the machine slept nothing is live, and nothing is sure, until the store says so.
func TestR29Suspended(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(time.Minute)
		w.want("a.example", "live v1")
		w.want("b.example", "unknown")
		w.want("/b", "unknown")

		w.Fail(errGone)
		w.write(simple("c", "v1"))
		w.m.Suspended()
		w.want("a.example", "stale v1")
		w.want("c.example", "unavailable")
		if s := w.m.Status(); s.Following || s.Confirmed >= 0 {
			t.Errorf("after a sleep: %+v", s)
		}
		step(10 * time.Second)
		w.want("a.example", "stale v1")
		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("c.example", "live v1")
	})
}

// TestSuspendedWithAStore: with a store the answers are live again at once.
func TestSuspendedWithAStore(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.start()
		step(time.Minute)
		w.m.Suspended()
		step(2 * time.Second)
		w.wantAll(docs, "live v1")
		w.count(map[string]int64{"resyncs": 1})
	})
}

// TestRunEnds: at any moment, whatever it waits for.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, 300 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{Memory: storetest.NewMemory(), t: t, state: &state{}, opt: mirror.Options{LoadTimeout: time.Hour}}
			w.write(many(100)...)
			w.Delay(200 * time.Millisecond)
			w.opt.Reader, w.opt.State = w.Memory, w.state
			var stop func()
			w.m, stop = run(t, w.opt)
			<-time.After(after)
			w.peek("t1.example")
			began := time.Now()
			stop()
			if took := time.Since(began); took > time.Millisecond {
				t.Errorf("stopped after %v, it took %v to end", after, took)
			}
		})
	}
}

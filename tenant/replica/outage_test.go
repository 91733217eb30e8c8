package replica_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestStartsFromTheBackup: without the store the tenants of the last run decide, as long as they may.
func TestStartsFromTheBackup(t *testing.T) {
	scene(t, replica.Options{MaxBackupAge: 10 * time.Minute, BackupInterval: time.Second}, func(w *world) {
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
		w.want("b.example", "unknown") // the store was heard within the TTL
		w.crash()
		step(30 * time.Second)
		w.start()

		w.want("a.example", "disk v1")
		w.want("hasty.example", "disk v1")
		w.want("b.example", "unavailable")
		if s := w.m.Status(); !s.Ready || s.Following || s.Tenants != 2 || s.LastContact >= 0 {
			w.t.Errorf("from the backup: %+v", s)
		}
		step(4*time.Minute + 10*time.Second)
		w.want("hasty.example", "disk v1")
		step(25 * time.Second)
		w.want("a.example", "disk v1")
		w.want("hasty.example", "unavailable")
		step(5 * time.Minute)
		w.want("a.example", "unavailable")
		if v := w.m.Survey(); v.Fresh[tenant.Unavailable] != 2 || v.Fresh[tenant.Disk] != 0 {
			w.t.Errorf("too old: %+v", v)
		}
		w.count(map[string]int64{"expired": 2})

		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("hasty.example", "live v1")
	})
}

// TestOldBackup: what is older than it may be does not decide, not even while the store is found again, and the time
// on disk counts.
func TestOldBackup(t *testing.T) {
	scene(t, replica.Options{MaxBackupAge: time.Minute, BackupInterval: time.Second}, func(w *world) {
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
		w.count(map[string]int64{"resyncs": 0})
	})
}

// TestStartsFromTheBaseline: without the store and a copy the operator's documents decide.
func TestStartsFromTheBaseline(t *testing.T) {
	record := document.ParseStored("base", simple("base", "v0").bytes()).Record
	scene(t, replica.Options{Baseline: tenant.SnapshotOf(record)}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Fail(errGone)
		w.start()
		w.want("base.example", "baseline v0")
		w.want("/base", "baseline v0")
		w.want("a.example", "unavailable")
		if s := w.m.Status(); s.Ready {
			w.t.Errorf("with nothing but a baseline: %+v", s)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.want("base.example", "baseline v0") // the store does not know it
		w.want("a.example", "live v1")
		w.write(simple("base", "v1"))
		step(soon)
		w.want("base.example", "live v1")
		w.bury(simple("base", ""))
		step(soon)
		w.want("base.example", "unknown") // it was deleted, and the baseline is older
	})
}

// TestStartsWithNothing: every answer is closed until there is a store.
func TestStartsWithNothing(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Fail(errGone)
		w.start()
		w.want("a.example", "unavailable")
		w.want("/a", "unavailable")
		if s := w.m.Status(); s.Ready || s.Primed || s.Following || s.Reachable || s.LastContact >= 0 {
			w.t.Errorf("with nothing: %+v", s)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("b.example", "unknown")
		if s := w.m.Status(); !s.Ready || !s.Primed || !s.Following || !s.Reachable {
			w.t.Errorf("with a store: %+v", s)
		}
	})
}

// TestOutlivesTheStore: live, stale, and at the end nothing; then live again, changes included.
func TestOutlivesTheStore(t *testing.T) {
	scene(t, replica.Options{MaxStale: 10 * time.Minute}, func(w *world) {
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
		w.want("/c", "unknown")
		step(2 * time.Second)
		w.want("a.example", "stale v1")
		w.want("hasty.example", "stale v1")
		w.want("c.example", "unavailable")
		w.want("/c", "unavailable")
		w.want("b.example", "unavailable")
		if s := w.m.Status(); !s.Ready || s.Following || s.Reachable || s.LastContact < 30*time.Second || s.LastContact > 32*time.Second {
			w.t.Errorf("without the store: %+v", s)
		}
		if v := w.m.Survey(); v.Fresh[tenant.Stale] != 2 {
			w.t.Errorf("without the store: %+v", v)
		}
		step(4*time.Minute + 28*time.Second)
		w.want("a.example", "stale v1")
		w.want("hasty.example", "stale v1")
		step(2 * time.Second)
		w.want("hasty.example", "unavailable")
		step(5 * time.Minute)
		w.want("a.example", "unavailable")
		if s := w.m.Stats(); s.Expired != 2 || s.Sessions == 0 {
			w.t.Errorf("counted %+v", s)
		}

		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v2")
		w.want("b.example", "live v1")
		w.want("c.example", "unknown")
		w.count(map[string]int64{"resyncs": 1}) // the changes were enough
	})
}

// TestNobodyWaits: however slow the store is, a lookup takes no time.
func TestNobodyWaits(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.Delay(200 * time.Millisecond)
		step(time.Second)
		began := time.Now()
		for range 100 {
			w.want("a.example", "live v1")
			w.want("b.example", "unknown")
			w.want("/b", "unknown")
		}
		if took := time.Since(began); took != 0 {
			w.t.Errorf("300 lookups took %v", took)
		}
		w.Delay(time.Hour) // longer than any time-out
		step(time.Minute)
		began = time.Now()
		w.want("a.example", "stale v1")
		w.want("b.example", "unavailable")
		if took := time.Since(began); took != 0 {
			w.t.Errorf("2 lookups took %v", took)
		}
		w.Delay(0)
		step(6 * time.Second)
		w.want("a.example", "live v1")
	})
}

// TestFlapping: a store that comes and goes loses no change.
func TestFlapping(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v0"))
		w.start()
		for i := range 60 {
			w.Fail(errGone)
			w.write(simple("a", "v"+string(rune('a'+i%26))))
			step(300 * time.Millisecond)
			w.Fail(nil)
			step(300 * time.Millisecond)
			// Chance may have every look at the store fall into a time without it.
			if v := w.look("a.example"); v.Freshness != tenant.Live && v.Freshness != tenant.Stale {
				w.t.Fatalf("round %d: %s", i, v.Freshness)
			}
		}
		step(6 * time.Second)
		w.want("a.example", "live vh") // 59 % 26 = 7
		w.count(map[string]int64{"resyncs": 1})
	})
}

// TestSuspended: after the machine slept nothing is live, and nothing is sure, until the store says so.
func TestSuspended(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(time.Minute)
		w.want("a.example", "live v1")
		w.want("b.example", "unknown")

		w.Fail(errGone)
		w.write(simple("c", "v1"))
		w.m.Suspended()
		w.want("a.example", "stale v1")
		w.want("c.example", "unavailable")
		w.want("/c", "unavailable")
		if s := w.m.Status(); s.Following {
			w.t.Errorf("after a sleep: %+v", s)
		}
		step(10 * time.Second)
		w.want("a.example", "stale v1")
		w.want("c.example", "unavailable")
		w.Fail(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("c.example", "live v1")
		w.want("b.example", "unknown")
	})
}

// TestSuspendedWithAStore: with a store the answers are live again at once, whatever the follower waited for.
func TestSuspendedWithAStore(t *testing.T) {
	scene(t, replica.Options{Heartbeat: time.Hour}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.start()
		step(time.Minute)
		w.m.Suspended()
		w.m.Suspended()
		step(soon)
		w.wantAll(docs, "live v1")
		w.count(map[string]int64{"resyncs": 1, "sessions": 0})
	})
}

// TestRunEnds: at any moment, whatever it waits for.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, 300 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{Memory: storetest.NewMemory(), t: t}
			w.write(many(100)...)
			w.Delay(200 * time.Millisecond)
			w.opt.Source = w.Memory
			var stop func()
			w.m, stop = run(t, w.opt)
			<-time.After(after)
			began := time.Now()
			stop()
			if took := time.Since(began); took > time.Millisecond {
				t.Errorf("stopped after %v, it took %v to end", after, took)
			}
		})
	}
}

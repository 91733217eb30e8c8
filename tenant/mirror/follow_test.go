package mirror_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestR15FollowerLost: with the stream out of reach, what is used is refreshed; then nothing was missed.
func TestR15FollowerLost(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpChanges {
				return errGone
			}
			return nil
		})
		step(time.Second) // the call that waits already brings nothing more
		w.write(simple("a", "v2"), simple("b", "v2"), simple("c", "v2"))
		for began := time.Now(); !allows(w.look("a.example"), "v2"); step(100 * time.Millisecond) {
			worst := time.Since(began)
			if worst > 33*time.Second {
				w.t.Fatalf("a change is not seen after %v", worst)
			}
		}
		w.want("a.example", "live v2")
		step(35 * time.Second)
		w.want("b.example", "stale v1") // nobody has asked for it
		w.look("c.example")
		step(soon)
		w.want("c.example", "live v2")
		if s := w.m.Status(); s.Following {
			w.t.Errorf("without a stream: %+v", s)
		}
		w.Intercept(nil)
		step(6 * time.Second)
		w.want("b.example", "live v2")
		w.count(map[string]int64{"resyncs": 1})
	})
}

// TestR15Gap: changes that left the stream before they were read are found by reading everything, whether
// the store can say what it removed or not.
func TestR15Gap(t *testing.T) {
	for _, says := range []bool{true, false} {
		for _, left := range []int{0, 1} {
			t.Run(fmt.Sprintf("the store says: %v, left: %d", says, left), func(t *testing.T) {
				scene(t, mirror.Options{}, func(w *world) {
					w.forgetful.Store(!says)
					w.write(simple("a", "v1"), simple("b", "v1"), simple("c", "v1"))
					w.start()
					w.Fail(errGone)
					step(time.Second)
					w.write(simple("a", "v2"), simple("b", "v2"))
					w.Trim(left)
					w.Fail(nil)
					step(6 * time.Second)
					w.want("a.example", "live v2")
					w.want("b.example", "live v2")
					w.want("c.example", "live v1")
					w.count(map[string]int64{"resyncs": 2})
				})
			})
		}
	}
}

// TestNoGap: a stream that was trimmed up to what was read is no reason to read everything.
func TestNoGap(t *testing.T) {
	for _, left := range []int{0, 1} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			scene(t, mirror.Options{}, func(w *world) {
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				w.Fail(errGone)
				step(time.Second)
				w.write(many(left)...)
				w.Trim(left)
				w.Fail(nil)
				step(6 * time.Second)
				w.want("a.example", "live v1")
				w.count(map[string]int64{"resyncs": 1})
			})
		})
	}
}

// TestAnotherPast: a stream without the last change that was read is not the one that was read.
func TestAnotherPast(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"), simple("b", "v1"))
		step(time.Millisecond)
		past := w.Save()
		w.write(simple("a", "v2"))
		w.start()
		w.want("a.example", "live v2")
		w.Fail(errGone)
		step(time.Second)
		w.Restore(past)
		w.write(simple("c", "v1")) // it has passed what was seen
		w.Fail(nil)
		step(6 * time.Second)
		w.held("")
		w.want("c.example", "live v1")
		w.want("a.example", "live v1")
		w.count(map[string]int64{"resyncs": 2, "verdicts": 0})
	})
}

// TestTheCheckHidesNoGap: the check reads changes, too, but not past a gap that the follower has yet to
// find.
func TestTheCheckHidesNoGap(t *testing.T) {
	scene(t, mirror.Options{CheckInterval: 100 * time.Millisecond}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"), simple("b", "v1"))
		step(time.Millisecond)
		past := w.Save()
		w.write(simple("a", "v2"))
		w.start()
		w.Fail(errGone)
		step(time.Second)
		w.Restore(past)
		w.write(simple("c", "v1"))
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpHasChange {
				return errGone // the follower cannot begin
			}
			return nil
		})
		w.Fail(nil)
		step(40 * time.Second)
		if v := w.look("b.example"); v.Freshness != tenant.Stale {
			w.t.Errorf("nobody follows, and b.example is %s", v.Freshness)
		}
		w.Intercept(nil)
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.want("c.example", "live v1")
		w.count(map[string]int64{"resyncs": 2})
	})
}

// TestR16StuckFollower: a follower that hears nothing is noticed by the head, and connected anew.
func TestR16StuckFollower(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.deaf.Store(true)
		step(time.Second)
		w.write(simple("a", "v2"))
		step(6 * time.Second)
		w.want("a.example", "live v2") // the check has brought it
		w.count(map[string]int64{"stuck": 0})
		for i := range 20 {
			w.write(simple("a", fmt.Sprintf("v%d", i)))
			step(time.Second)
		}
		if n := w.m.Stats().Stuck; n == 0 {
			w.t.Error("nobody noticed")
		}
		w.deaf.Store(false)
		step(6 * time.Second)
		before := w.m.Stats().Stuck
		for i := range 200 {
			w.write(simple("a", fmt.Sprintf("w%d", i)))
			step(100 * time.Millisecond)
		}
		w.want("a.example", "live w199")
		w.count(map[string]int64{"stuck": before})
	})
}

// TestBusyIsNotStuck: a store that is written all the time is ahead of every follower at every moment.
func TestBusyIsNotStuck(t *testing.T) {
	scene(t, mirror.Options{CheckInterval: 100 * time.Millisecond}, func(w *world) {
		w.write(simple("a", "v0"))
		w.start()
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpHead {
				w.write(simple("a", "v1")) // whatever the head says, there is more
			}
		})
		ahead := func(ctx context.Context, c storetest.Call) error {
			if c.Op == storetest.OpChanges {
				<-time.After(10 * time.Millisecond) // and it takes time to hear of it
			}
			return nil
		}
		w.Intercept(ahead)
		for range 500 {
			w.write(simple("a", "v2"))
			step(5 * time.Millisecond)
		}
		w.count(map[string]int64{"stuck": 0, "sessions": 0})
	})
}

// TestPokedDuringAResync: what happens while everything is read counts, too.
func TestPokedDuringAResync(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		docs := many(150)
		w.write(docs...)
		w.start()
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 1 {
				<-time.After(time.Second)
			}
			return nil
		})
		step(time.Minute)
		w.confirm()
		step(300 * time.Millisecond)
		w.m.Suspended()
		whole := w.Save()
		w.Flush() // while everything is read
		step(5 * time.Second)
		w.held("vanished")
		w.wantAll(docs, "stale v1")
		w.Restore(whole)
		w.write(simple("t1", "v2"))
		step(5 * time.Second)
		w.held("")
		w.want("t1.example", "live v2")
		w.want("t2.example", "live v1")
	})
}

// TestRoutineResync finds what nobody announced and nobody used.
func TestRoutineResync(t *testing.T) {
	scene(t, mirror.Options{ResyncInterval: 5 * time.Minute}, func(w *world) {
		w.write(many(250)...)
		w.start()
		w.put(simple("t7", "v2"), simple("new", "v1"))
		step(6 * time.Minute)
		w.want("t7.example", "live v2")
		w.want("new.example", "live v1")
		w.want("t8.example", "live v1")
		w.count(map[string]int64{"resyncs": 2})
	})
}

// TestOnHead gives what a clock needs.
func TestOnHead(t *testing.T) {
	var heads atomic.Int64
	opt := mirror.Options{OnHead: func(h store.Head, took time.Duration) {
		if h.Time.IsZero() || took != 5*time.Millisecond {
			t.Errorf("a head of %v that took %v", h.Time, took)
		}
		heads.Add(1)
	}}
	scene(t, opt, func(w *world) {
		w.write(simple("a", "v1"))
		w.Delay(5 * time.Millisecond)
		w.start()
		step(time.Minute)
		if n := heads.Load(); n < 12 {
			w.t.Errorf("%d heads in a minute", n)
		}
	})
}

// TestOnChange is called when the status may say something new, and may ask for the status.
func TestOnChange(t *testing.T) {
	var m atomic.Pointer[mirror.Mirror]
	var last atomic.Pointer[mirror.Status]
	var calls atomic.Int64
	opt := mirror.Options{BrakeFloor: 1, OnChange: func() {
		if m := m.Load(); m != nil {
			s := m.Status()
			last.Store(&s)
			calls.Add(1)
		}
	}}
	scene(t, opt, func(w *world) {
		w.signed()
		docs := many(4)
		w.write(docs...)
		w.start()
		m.Store(w.m)
		said := func(what string, ok func(s *mirror.Status) bool) {
			w.t.Helper()
			if s := last.Load(); s == nil || !ok(s) {
				w.t.Errorf("%s: the last status told is %+v", what, s)
			}
		}
		w.Put("t0", []byte("broken"))
		w.Announce("t0", store.KindApply, 0)
		step(soon)
		said("a problem", func(s *mirror.Status) bool { return len(s.Problems) == 1 })
		w.write(simple("t0", "v2"))
		step(soon)
		said("no problem", func(s *mirror.Status) bool { return len(s.Problems) == 0 })
		w.bury(docs[1:]...)
		step(soon)
		said("the brake", func(s *mirror.Status) bool { return len(s.HeldBack) == 1 })
		w.confirm()
		step(time.Second)
		said("released", func(s *mirror.Status) bool { return len(s.HeldBack) == 0 })
		w.Fail(errGone)
		step(soon)
		before := calls.Load()
		step(10 * time.Second)
		if calls.Load() != before {
			w.t.Error("told again and again")
		}
		w.Fail(nil)
		step(6 * time.Second)
		said("following", func(s *mirror.Status) bool { return s.Following })
		w.Flush()
		step(6 * time.Second)
		said("held", func(s *mirror.Status) bool { return s.Held == "vanished" })
	})
}

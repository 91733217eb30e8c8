package replica_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/trust"
)

// TestFollowerLost: with the stream out of reach nothing is sure for longer than the TTL; then nothing was missed.
func TestFollowerLost(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpChanges {
				return errGone
			}
			return nil
		})
		step(time.Second) // the call that waits already brings nothing more
		w.write(simple("a", "v2"), simple("c", "v2"))
		step(35 * time.Second)
		w.want("a.example", "stale v1")
		w.want("c.example", "unavailable")
		if s := w.m.Status(); s.Following {
			w.t.Errorf("without a stream: %+v", s)
		}
		w.Intercept(nil)
		step(6 * time.Second)
		w.want("a.example", "live v2")
		w.want("c.example", "live v2")
		w.count(map[string]int64{"resyncs": 1})
	})
}

// TestGap: changes that left the stream before they were read are found by reading everything, whether the store can
// say what it removed or not.
func TestGap(t *testing.T) {
	for _, says := range []bool{true, false} {
		for _, left := range []int{0, 1} {
			t.Run(fmt.Sprintf("the store says: %v, left: %d", says, left), func(t *testing.T) {
				scene(t, replica.Options{}, func(w *world) {
					w.forgetful.Store(!says)
					w.write(simple("a", "v1"), simple("b", "v1"), simple("c", "v1"))
					w.start()
					w.Fail(errGone)
					step(time.Second)
					w.write(simple("a", "v2"), simple("b", "v2"))
					w.Trim(left)
					w.Fail(nil)
					step(6 * time.Second)
					w.held("")
					w.want("a.example", "live v2")
					w.want("b.example", "live v2")
					w.want("c.example", "live v1")
					w.count(map[string]int64{"resyncs": 2})
				})
			})
		}
	}
}

// TestTrimmedWhileFollowing: a stream from which changes go faster than they are read is noticed over a connection that
// lives, too.
func TestTrimmedWhileFollowing(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.deaf.Store(true)
		w.write(simple("a", "v2"), simple("b", "v2"))
		w.Trim(1)
		w.deaf.Store(false)
		step(6 * time.Second)
		w.held("")
		w.want("a.example", "live v2")
		w.want("b.example", "live v2")
		w.count(map[string]int64{"resyncs": 2})
	})
}

// TestNoGap: a stream that was trimmed up to what was read is no reason to read everything.
func TestNoGap(t *testing.T) {
	for _, left := range []int{0, 1} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			scene(t, replica.Options{}, func(w *world) {
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				w.Fail(errGone)
				step(time.Second)
				w.write(many(left)...)
				w.Trim(left)
				w.Fail(nil)
				step(6 * time.Second)
				w.held("")
				w.want("a.example", "live v1")
				w.count(map[string]int64{"resyncs": 1})
			})
		})
	}
}

// TestAnotherPast: a stream without the last change that was read, and that was not trimmed, is not the one that was
// read, even where it begins after that change.
func TestAnotherPast(t *testing.T) {
	for _, left := range []int{100, 1} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			scene(t, replica.Options{}, func(w *world) {
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
				w.Trim(left)
				w.Fail(nil)
				step(6 * time.Second)
				w.held(trust.Regressed)
				w.want("a.example", "live v2") // within the TTL
				step(30 * time.Second)
				w.want("a.example", "stale v2")
				w.count(map[string]int64{"resyncs": 1, "verdicts": 1})
			})
		})
	}
}

// TestFlushedBetweenTwoQuestions: a store that is emptied between its head and the question for the last change is not
// taken for an older one, so that it counts again as soon as it is back.
func TestFlushedBetweenTwoQuestions(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		whole := w.Save()
		w.Fail(errGone)
		step(time.Second)
		var flushed atomic.Bool
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpHasChange && !flushed.Swap(true) {
				w.Flush()
			}
			return nil
		})
		w.Fail(nil)
		step(6 * time.Second)
		w.held(trust.Vanished)
		w.Restore(whole)
		w.put(simple("a", "v2")) // nothing says which one is older
		w.write(simple("b", "v2"))
		w.Trim(1)
		step(6 * time.Second)
		w.held("")
		w.want("a.example", "live v2")
		w.want("b.example", "live v2")
	})
}

// TestWaitingBringsNothing: where waiting for changes is of no use, because somebody keeps them back, the replica asks
// for them instead; and it waits again later.
func TestWaitingBringsNothing(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.deaf.Store(true)
		step(time.Second)
		w.write(simple("a", "v2"))
		step(8 * time.Second)
		w.want("a.example", "live v2") // the check has brought it
		w.count(map[string]int64{"stuck": 1})
		for i := range 20 {
			text := fmt.Sprintf("v1%d", i)
			w.write(simple("a", text))
			step(time.Second)
			w.want("a.example", "live "+text)
		}
		w.count(map[string]int64{"stuck": 1, "sessions": 0})
		w.deaf.Store(false)
		step(2 * time.Minute)
		for i := range 200 {
			text := fmt.Sprintf("w%d", i)
			w.write(simple("a", text))
			step(10 * time.Millisecond)
			w.want("a.example", "live "+text)
		}
		w.count(map[string]int64{"stuck": 1})
	})
}

// TestWaitingIsCut: where somebody cuts every connection that waits, the replica asks for changes instead.
func TestWaitingIsCut(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.cut.Store(true)
		w.start()
		step(10 * time.Second)
		for i := range 100 {
			text := fmt.Sprintf("v1%d", i)
			w.write(simple("a", text))
			step(1500 * time.Millisecond)
			if i%40 < 30 { // about once a minute waiting is tried again
				continue
			}
			if v := w.look("a.example"); v.Freshness != tenant.Live {
				w.t.Fatalf("%s is %s", text, v.Freshness)
			}
		}
		step(5 * time.Second)
		w.want("a.example", "live v199")
		if s := w.m.Stats(); s.Sessions > 10 {
			w.t.Errorf("in three minutes %d sessions failed", s.Sessions)
		}
		w.cut.Store(false)
		step(2 * time.Minute)
		w.write(simple("a", "last"))
		step(10 * time.Millisecond)
		w.want("a.example", "live last")
	})
}

// TestBusyIsNotStuck: a store that is written all the time is ahead of every follower at every moment.
func TestBusyIsNotStuck(t *testing.T) {
	scene(t, replica.Options{CheckInterval: 100 * time.Millisecond}, func(w *world) {
		w.write(simple("a", "v0"))
		w.start()
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpHead {
				w.write(simple("a", "v1")) // whatever the head says, there is more
			}
		})
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpChanges {
				<-time.After(10 * time.Millisecond) // and it takes time to hear of it
			}
			return nil
		})
		for range 500 {
			w.write(simple("a", "v2"))
			step(5 * time.Millisecond)
		}
		w.count(map[string]int64{"stuck": 0, "sessions": 0})
	})
}

// TestDuringAReadingOfEverything: what happens meanwhile counts, too.
func TestDuringAReadingOfEverything(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.signed()
		docs := many(150)
		w.write(docs...)
		w.start()
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 1 {
				<-time.After(time.Second)
			}
		})
		step(time.Minute)
		w.confirm()
		step(300 * time.Millisecond)
		w.m.Suspended()
		whole := w.Save()
		w.Flush() // while everything is read
		step(5 * time.Second)
		w.held(trust.Vanished)
		step(30 * time.Second)
		w.wantAll(docs, "stale v1")
		w.Restore(whole)
		w.write(simple("t1", "v2"))
		step(6 * time.Second)
		w.held("")
		w.want("t1.example", "live v2")
		w.want("t2.example", "live v1")
	})
}

// TestChangesDuringAResync come into force between two pages, and no page brings older ones back.
func TestChangesDuringAResync(t *testing.T) {
	scene(t, replica.Options{ResyncInterval: time.Minute}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.start()
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 1 {
				<-time.After(200 * time.Millisecond)
			}
		})
		n := 0
		for w.m.Stats().Resyncs < 3 {
			if n++; n > 10_000 {
				w.t.Fatal("nothing is read again")
			}
			text := fmt.Sprintf("w%d", n)
			w.write(simple("t7", text))
			step(500 * time.Millisecond)
			w.want("t7.example", "live "+text)
		}
	})
}

// TestRestoredDuringAResync: between two pages an older dump is restored and written, and nobody has yet looked whether
// it is one.
func TestRestoredDuringAResync(t *testing.T) {
	scene(t, replica.Options{ResyncInterval: time.Minute}, func(w *world) {
		w.signed()
		w.write(many(300)...)
		step(time.Millisecond)
		dump := w.Save()
		for _, d := range many(300) {
			w.write(simple(d.id, "v2"))
		}
		w.start()
		w.wantAll(many(300), "live v2")
		var restored atomic.Bool
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 1 && !restored.Swap(true) {
				w.Restore(dump)
				w.write(simple("other", "v1"))
			}
			return nil
		})
		step(2 * time.Minute)
		if !restored.Load() {
			w.t.Fatal("nothing was read again")
		}
		w.held(trust.Regressed)
		w.wantAll(many(300), "stale v2")
	})
}

// TestOnHead gives what a clock needs.
func TestOnHead(t *testing.T) {
	var heads atomic.Int64
	opt := replica.Options{OnHead: func(h store.Head, took time.Duration) {
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
		if n := heads.Load(); n < 10 || n > 15 {
			w.t.Errorf("%d heads in a minute", n)
		}
	})
}

// TestOnChange is called when the status may say something new, and may ask for the status.
func TestOnChange(t *testing.T) {
	var m atomic.Pointer[replica.Replica]
	var last atomic.Pointer[replica.Status]
	var problems, calls atomic.Int64
	opt := replica.Options{Limit: tenant.MassChangeLimit{Tenants: 1}, OnChange: func() {
		if m := m.Load(); m != nil {
			s := m.Status()
			last.Store(&s)
			problems.Store(int64(len(m.Survey().Rejected)))
			calls.Add(1)
		}
	}}
	scene(t, opt, func(w *world) {
		w.signed()
		docs := many(4)
		w.write(docs...)
		w.start()
		m.Store(w.m)
		said := func(what string, ok func(s *replica.Status) bool) {
			w.t.Helper()
			if s := last.Load(); s == nil || !ok(s) {
				w.t.Errorf("%s: the last status told is %+v, with %d problems", what, s, problems.Load())
			}
		}
		w.Put("t0", []byte("broken"))
		w.Announce("t0", store.KindApply, 0)
		step(soon)
		said("a problem", func(*replica.Status) bool { return problems.Load() == 1 })
		w.bury(docs[1:]...)
		step(soon)
		said("too many deletions", func(s *replica.Status) bool { return len(s.HeldBack) == 1 })
		w.write(docs[1:]...)
		step(soon)
		said("written again", func(s *replica.Status) bool { return len(s.HeldBack) == 0 })
		step(2 * time.Minute)
		w.bury(docs[1:]...)
		step(soon)
		w.confirm()
		step(time.Second)
		said("confirmed", func(s *replica.Status) bool { return len(s.HeldBack) == 0 })
		w.Fail(errGone)
		step(soon)
		said("gone", func(s *replica.Status) bool { return !s.Reachable })
		before := calls.Load()
		step(10 * time.Second)
		if calls.Load() != before {
			w.t.Error("told again and again")
		}
		w.Fail(nil)
		step(6 * time.Second)
		said("following", func(s *replica.Status) bool { return s.Following && s.Reachable })
		w.Flush()
		step(6 * time.Second)
		said("held", func(s *replica.Status) bool { return s.Verdict == trust.Vanished })
	})
}

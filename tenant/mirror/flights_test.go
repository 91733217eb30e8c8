package mirror_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// asked counts the reads of owners and documents from now on.
func (w *world) asked() func() int {
	before := w.Calls(storetest.OpOwners) + w.Calls(storetest.OpDocuments)
	return func() int { return w.Calls(storetest.OpOwners) + w.Calls(storetest.OpDocuments) - before }
}

// TestSingleFlight is R17 for one tenant: however many ask, the store is asked once.
func TestSingleFlight(t *testing.T) {
	for _, host := range []string{"a.example", "/a", "nobody.example", "/nobody"} {
		t.Run(host, func(t *testing.T) {
			scene(t, mirror.Options{Lazy: true, LookupBudget: time.Second}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				w.Delay(20 * time.Millisecond)
				asked := w.asked()
				want := map[bool]tenant.Freshness{true: tenant.Live, false: tenant.Unknown}[host == "a.example" || host == "/a"]
				var waiters sync.WaitGroup
				for i := range 1000 {
					waiters.Go(func() {
						<-time.After(time.Duration(i) * 10 * time.Microsecond)
						if v := w.look(host); v.Freshness != want {
							w.t.Errorf("waiter %d: %s", i, v.Freshness)
						}
					})
				}
				waiters.Wait()
				if n := asked(); n > 3 { // the owner, the document, the owners of its hosts
					w.t.Errorf("asked the store %d times", n)
				}
				w.count(map[string]int64{"unknown": 1})
			})
		})
	}
}

// TestR36FirstWaiterLeaves: a load belongs to nobody who waits for it.
func TestR36FirstWaiterLeaves(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, LookupBudget: time.Second}, func(w *world) {
		var docs []doc
		for i := range 1000 {
			docs = append(docs, simple(fmt.Sprintf("t%d", i), "v1"))
		}
		w.write(docs...)
		w.start()
		w.Delay(2 * time.Millisecond)
		for _, d := range docs {
			_, first := w.peek(d.hosts[0]) // and never looks again
			_, second := w.peek(d.hosts[0])
			if first == nil || second != first {
				w.t.Fatalf("%s: two loads, or none", d.id)
			}
			<-second
			w.want(d.hosts[0], "live v1")
			if w.t.Failed() {
				return
			}
		}
	})
}

// TestLookupBudget (rule 77): whoever waits is released within the budget, and nobody waits after it.
func TestLookupBudget(t *testing.T) {
	for _, fault := range []string{"slow", "stopped"} {
		t.Run(fault, func(t *testing.T) {
			scene(t, mirror.Options{Lazy: true}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				if fault == "slow" {
					w.Delay(200 * time.Millisecond)
				} else {
					w.Intercept(func(ctx context.Context, _ storetest.Call) error {
						<-ctx.Done()
						return ctx.Err()
					})
				}
				for range 20 {
					began := time.Now()
					w.want("a.example", "unavailable")
					if took := time.Since(began); took > 10*time.Millisecond {
						w.t.Fatalf("waited for %v", took)
					}
					step(3 * time.Millisecond)
				}
				if s := w.m.Stats(); s.Unknown != 1 || s.Overdue == 0 {
					w.t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

// TestFailedFlightsAreNotRetriedAtOnce: a store that cannot say is asked again after about a second.
func TestFailedFlightsAreNotRetriedAtOnce(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpOwners {
				return errGone
			}
			return nil
		})
		asked := w.asked()
		for range 1000 { // ten seconds
			w.want("a.example", "unavailable")
			step(10 * time.Millisecond)
		}
		if n := asked(); n < 8 || n > 13 {
			w.t.Errorf("asked %d times in ten seconds", n)
		}
		w.Intercept(nil)
		step(1300 * time.Millisecond)
		w.want("a.example", "live v1")
	})
}

// TestNegativeCache: what does not exist is asked for once in a few seconds.
func TestNegativeCache(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		for _, host := range []string{"nobody.example", "/nobody"} {
			t.Run(fmt.Sprintf("lazy %v %s", lazy, host), func(t *testing.T) {
				scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
					w.write(simple("a", "v1"))
					w.start()
					asked := w.asked()
					for range 2000 { // twenty seconds
						w.want(host, "unknown")
						step(10 * time.Millisecond)
					}
					if n := asked(); n < 4 || n > 6 { // 4 s to 6 s
						w.t.Errorf("asked %d times in twenty seconds", n)
					}
					// A change ends it at once.
					w.write(doc{id: "nobody", text: "v1", hosts: []string{"nobody.example"}})
					step(soon)
					w.want(host, "live v1")
				})
			})
		}
	}
}

// TestNegativeOfAWildcard: a tenant with a wildcard ends what was known about hosts below it.
func TestNegativeOfAWildcard(t *testing.T) {
	for _, host := range []string{"*.example", "*"} {
		for _, lazy := range []bool{false, true} {
			t.Run(fmt.Sprintf("lazy %v %s", lazy, host), func(t *testing.T) {
				scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
					w.write(simple("a", "v1"))
					w.start()
					w.want("x.example", "unknown")
					w.write(doc{id: "wild", text: "v1", hosts: []string{host}})
					step(soon)
					w.want("x.example", "live v1")
				})
			})
		}
	}
}

// TestUnannouncedTenant: a whole registry asks, too, for what it does not know, behind the answer.
func TestUnannouncedTenant(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.put(simple("b", "v1"))
		w.want("b.example", "unknown")
		step(soon)
		w.want("b.example", "live v1")
	})
}

// TestT10UnknownHosts: strangers make the store work at a bounded rate, take bounded memory, and hurt
// no tenant that there is.
func TestT10UnknownHosts(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy %v", lazy), func(t *testing.T) {
			opt := mirror.Options{Lazy: lazy, UnknownRate: 100, UnknownBurst: 50, MaxNegative: 1000}
			scene(t, opt, func(w *world) {
				docs := many(20)
				w.write(docs...)
				w.start()
				w.wantAll(docs, "live v1")
				asked, known := w.asked(), w.m.Stats().Unknown
				n := 0
				for range 1000 { // ten seconds, 5,000 a second
					for range 50 {
						w.peek(fmt.Sprintf("h%d.stranger.test", n))
						n++
					}
					if v, _ := w.peek(docs[n%20].hosts[0]); v.Freshness != tenant.Live {
						w.t.Fatalf("a tenant is %s", v.Freshness)
					}
					step(10 * time.Millisecond)
				}
				s := w.m.Stats()
				if loads := s.Unknown - known; loads < 1000 || loads > 1050 {
					w.t.Errorf("%d loads in ten seconds", loads)
				}
				if n := asked(); n > 1100 {
					w.t.Errorf("asked the store %d times", n)
				}
				if got := mirror.Negatives(w.m); got > 1100 {
					w.t.Errorf("%d negatives are kept", got)
				}
				if refused := w.look("another.test"); lazy && refused.Freshness != tenant.Unavailable && refused.Freshness != tenant.Unknown {
					w.t.Errorf("a stranger is %s", refused.Freshness)
				}
				w.write(simple("t3", "v2")) // and changes are seen
				step(soon)
				w.want("t3.example", "live v2")
			})
		})
	}
}

// TestColdTenantsAreNotLimited: a load that finds a tenant is no stranger's.
func TestColdTenantsAreNotLimited(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, UnknownRate: 1, UnknownBurst: 64}, func(w *world) {
		docs := many(2000)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		w.count(map[string]int64{"refused": 0})
	})
}

// TestRevocationDuringAFlood: requests that wait do not keep changes out.
func TestRevocationDuringAFlood(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, LoadTimeout: time.Second}, func(w *world) {
		docs := many(2000)
		w.write(docs...)
		w.start()
		w.want("t0.example", "live v1")
		w.Delay(20 * time.Millisecond)
		var next atomic.Int64
		next.Store(1)
		ctx, stop := context.WithCancel(w.t.Context())
		var flood sync.WaitGroup
		for range 300 {
			flood.Go(func() {
				for ctx.Err() == nil {
					if v := w.look(docs[next.Add(1)%2000].hosts[0]); !v.Waited {
						<-time.After(time.Millisecond)
					}
				}
			})
		}
		step(100 * time.Millisecond)
		w.write(simple("t0", "v2"))
		step(150 * time.Millisecond) // the stream, the document, the owners of its hosts
		w.want("t0.example", "live v2")
		stop()
		flood.Wait()
	})
}

// TestLookupsTakeNoLockOfAWriter: they go on while somebody holds all that a writer may hold.
func TestLookupsTakeNoLockOfAWriter(t *testing.T) {
	t.Parallel()
	for _, lazy := range []bool{false, true} {
		s := storetest.NewMemory()
		w := &world{Memory: s, t: t}
		w.write(simple("a", "v1"), doc{id: "wild", text: "v1", hosts: []string{"*.wild.example"}})
		m := start(t, mirror.Options{Reader: s, Lazy: lazy, LookupBudget: patience, LoadTimeout: patience})
		w.m = m
		untilReady(t, m)
		hosts := []string{"a.example", "/a", "x.wild.example"}
		for _, host := range hosts {
			w.want(host, "live v1")
		}
		w.Announce("wild", store.KindApply, 0)
		release := mirror.HoldLocks(m)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				for _, host := range hosts {
					w.peek(host)
				}
				mirror.DoubtBindings(m) // so that they are asked for again
				w.peek("stranger.example")
			}
		}()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("a lookup waits for a lock")
		}
		release()
		<-done
	}
}

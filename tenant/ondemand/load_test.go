package ondemand_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestReadsWhatIsAskedFor and nothing else, once.
func TestReadsWhatIsAskedFor(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(many(1000)...)
		w.start()
		if s := w.m.Status(); !s.Ready || !s.Following || s.Documents != 0 {
			w.t.Errorf("before anybody asked: %+v", s)
		}
		asked := w.asked()
		for range 100 {
			w.want("t7.example", "live v1")
			w.want("/t8", "live v1")
		}
		if n := asked(); n != 3 { // an owner, two documents
			w.t.Errorf("asked %d times", n)
		}
		if s := w.m.Status(); s.Documents != 2 || s.Hosts != 1 {
			w.t.Errorf("%d documents and %d hosts", s.Documents, s.Hosts)
		}
		if n := w.Calls(storetest.OpIDs); n != 0 {
			w.t.Errorf("%d listings", n)
		}
	})
}

// TestMemoryIsBounded: with more tenants than fit, those that are used stay, and all are answered.
func TestMemoryIsBounded(t *testing.T) {
	scene(t, ondemand.Options{MaxTenants: 100, LookupBudget: time.Second}, func(w *world) {
		docs := many(1000)
		w.write(docs...)
		w.start()
		random := rand.New(rand.NewPCG(1, 1))
		zipf := rand.NewZipf(random, 1.2, 1, uint64(len(docs)-1))
		asked := w.asked()
		for i := range 20_000 {
			w.want(docs[zipf.Uint64()].hosts[0], "live v1")
			if w.t.Failed() {
				return
			}
			if i%100 == 0 {
				step(10 * time.Millisecond)
			}
		}
		if n := asked(); n > 16_000 {
			w.t.Errorf("asked %d times in 20,000 lookups", n)
		}
		if s := w.m.Status(); s.Documents > 150 || s.Hosts > 500 {
			w.t.Errorf("%d documents and %d hosts in memory", s.Documents, s.Hosts)
		}
	})
}

// TestRefresh: what is used is refreshed before its TTL ends, so that nobody sees it stale while the stream is out of
// reach; and it is not asked for more often. What is not used is not asked for.
func TestRefresh(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(simple("hot", "v1"), simple("cold", "v1"))
		w.start()
		w.want("cold.example", "live v1")
		w.want("hot.example", "live v1")
		w.unfollowed()
		asked := w.asked()
		for range 1200 { // two minutes
			w.want("hot.example", "live v1")
			step(100 * time.Millisecond)
		}
		if n := asked(); n < 2*4 || n > 2*7 { // the owner, the document
			w.t.Errorf("asked %d times in two minutes", n)
		}
		w.put(simple("hot", "v2")) // nobody is told
		for range 30 {
			w.look("hot.example")
			step(time.Second)
		}
		w.want("hot.example", "live v2")
	})
}

// TestSingleFlight: however many ask for a tenant, the store is asked once.
func TestSingleFlight(t *testing.T) {
	for _, host := range []string{"a.example", "/a", "nobody.example", "/nobody"} {
		t.Run(host, func(t *testing.T) {
			scene(t, ondemand.Options{LookupBudget: time.Second}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				w.Delay(20 * time.Millisecond)
				asked := w.asked()
				want := map[bool]string{true: "live", false: "unknown"}[host == "a.example" || host == "/a"]
				var waiters sync.WaitGroup
				for i := range 1000 {
					waiters.Go(func() {
						<-time.After(time.Duration(i) * 10 * time.Microsecond)
						w.want(host, want)
					})
				}
				waiters.Wait()
				if n := asked(); n > 2 { // the owner, the document
					w.t.Errorf("asked the store %d times", n)
				}
				if n := w.m.Stats().Unknown; n != 1 {
					w.t.Errorf("%d loads", n)
				}
			})
		})
	}
}

// who is the key of a value in the context of a request.
type who struct{}

// TestFirstWaiterLeaves: a load belongs to nobody who waits for it, though it has the values of the first one.
func TestFirstWaiterLeaves(t *testing.T) {
	var readers sync.Map
	onLoad := func(ctx context.Context) (context.Context, func(error)) {
		return context.WithValue(ctx, who{}, fmt.Sprint("for ", ctx.Value(who{}))), func(error) {}
	}
	scene(t, ondemand.Options{LookupBudget: time.Second, OnLoad: onLoad}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.Delay(20 * time.Millisecond)
		w.Intercept(func(ctx context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments || c.Op == storetest.OpOwners {
				readers.Store(ctx.Value(who{}), true)
			}
			return nil
		})
		first, leave := context.WithTimeout(context.WithValue(w.t.Context(), who{}, "first"), 5*time.Millisecond)
		defer leave()
		began := time.Now()
		var others sync.WaitGroup
		others.Go(func() {
			if v := w.m.Lookup(first, tenant.Key{Authority: "a.example"}); v.Freshness != tenant.Unavailable {
				w.t.Errorf("for the first request the tenant is %s", v.Freshness)
			}
			if took := time.Since(began); took > 5*time.Millisecond {
				w.t.Errorf("the first request waited for %v", took)
			}
		})
		for range 10 {
			others.Go(func() {
				<-time.After(time.Millisecond)
				w.want("a.example", "live v1")
			})
		}
		others.Wait()
		readers.Range(func(reader, _ any) bool {
			if reader != "for first" {
				w.t.Errorf("the store was read with the values of %v", reader)
			}
			return true
		})
		if _, is := readers.Load("for first"); !is {
			w.t.Error("the load has not the values of the request")
		}
	})
}

// TestLookupBudget (rule 77): nobody waits longer, and the load is shared.
func TestLookupBudget(t *testing.T) {
	for _, fault := range []string{"slow", "stopped"} {
		t.Run(fault, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
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
				for range 15 {
					began := time.Now()
					w.want("a.example", "unavailable")
					if took := time.Since(began); took > 10*time.Millisecond {
						w.t.Fatalf("waited for %v", took)
					}
				}
				if s := w.m.Stats(); s.Unknown != 1 || s.Overdue != 15 {
					w.t.Errorf("counted %+v", s)
				}
				w.Delay(0)
				w.Intercept(nil)
				step(2 * time.Second)
				w.want("a.example", "live v1")
			})
		})
	}
}

// TestFailedLoadsAreNotRetriedAtOnce: a store that cannot say is asked again after about a second.
func TestFailedLoadsAreNotRetriedAtOnce(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
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

// TestNegativeCache: what does not exist is asked for once in a few seconds, and a change ends that at once.
func TestNegativeCache(t *testing.T) {
	for _, host := range []string{"nobody.example", "/nobody"} {
		t.Run(host, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
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
				w.write(doc{id: "nobody", text: "v1", hosts: []string{"nobody.example"}})
				step(soon)
				w.want(host, "live v1")
			})
		})
	}
}

// TestNegativeOfAWildcard: a tenant with a wildcard ends what was known about hosts below it.
func TestNegativeOfAWildcard(t *testing.T) {
	for _, host := range []string{"*.example", "*"} {
		t.Run(host, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
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

// TestAnnouncedDuringALoad: a load that read what was before a change has no effect.
func TestAnnouncedDuringALoad(t *testing.T) {
	for _, inMemory := range []bool{false, true} {
		t.Run(fmt.Sprint("in memory ", inMemory), func(t *testing.T) {
			scene(t, ondemand.Options{LookupBudget: time.Second}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				if inMemory {
					w.want("/a", "live v1")
					step(29 * time.Second) // it is time for a refresh
				}
				var changed atomic.Bool
				w.Late(func(c storetest.Call) {
					if c.Op == storetest.OpDocuments && !changed.Swap(true) {
						w.write(simple("a", "v2"))
						<-time.After(100 * time.Millisecond)
					}
				})
				w.look("/a")
				step(200 * time.Millisecond)
				if !changed.Load() {
					w.t.Fatal("nothing was read")
				}
				w.Fail(errGone) // there is no other way to learn of it
				w.want("/a", "live v2")
			})
		})
	}
}

// TestAnnouncedDuringAnAbsence: a load that found nobody before a change is not remembered.
func TestAnnouncedDuringAnAbsence(t *testing.T) {
	for _, host := range []string{"b.example", "/b", "x.wild.example"} {
		t.Run(host, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				var changed atomic.Bool
				w.Late(func(c storetest.Call) {
					if c.Op != storetest.OpHead && !changed.Swap(true) {
						w.write(doc{id: "b", text: "v1", hosts: []string{"b.example", "*.wild.example"}})
						<-time.After(100 * time.Millisecond)
					}
				})
				w.look(host)
				step(200 * time.Millisecond)
				w.want(host, "live v1")
			})
		})
	}
}

// TestHerd: many tenants that grow old in the same instant are refreshed a few at a time, and nobody waits.
func TestHerd(t *testing.T) {
	scene(t, ondemand.Options{Loads: 4}, func(w *world) {
		docs := many(2000)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		w.unfollowed()
		var now, most atomic.Int64
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpDocuments || c.Op == storetest.OpOwners {
				most.Store(max(most.Load(), now.Add(1)))
				<-time.After(5 * time.Millisecond)
				now.Add(-1)
			}
		})
		asked := w.asked()
		for range 40 {
			for i, d := range docs {
				began := time.Now()
				w.want(d.hosts[0], "live v1")
				if took := time.Since(began); took > 0 || w.t.Failed() {
					w.t.Fatalf("waited for %v", took)
				}
				if i%4 == 0 {
					<-time.After(2 * time.Millisecond)
				}
			}
		}
		if n := most.Load(); n > 4 {
			w.t.Errorf("%d loads at once", n)
		}
		if n := asked(); n < 4000 || n > 8000 {
			w.t.Errorf("asked %d times for 2,000 tenants", n)
		}
	})
}

// TestColdTenantsAreNotLimited: a load that finds a tenant is no stranger's.
func TestColdTenantsAreNotLimited(t *testing.T) {
	scene(t, ondemand.Options{UnknownRate: 1, UnknownBurst: 64}, func(w *world) {
		docs := many(2000)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		if n := w.m.Stats().Refused; n != 0 {
			w.t.Errorf("%d loads were refused", n)
		}
	})
}

// TestUnknownHosts: strangers make the store work at a bounded rate, and take bounded memory.
func TestUnknownHosts(t *testing.T) {
	opt := ondemand.Options{UnknownRate: 100, UnknownBurst: 50, MaxNegative: 1000}
	scene(t, opt, func(w *world) {
		docs := many(20)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		known := w.m.Stats().Unknown
		n := 0
		for range 1000 { // ten seconds, 5,000 a second
			for range 50 {
				if v := w.look(fmt.Sprintf("h%d.stranger.test", n)); v.Freshness != tenant.Unknown && v.Freshness != tenant.Unavailable {
					w.t.Fatalf("a stranger is %s", v.Freshness)
				}
				n++
			}
			w.want(docs[n%20].hosts[0], "live v1")
			step(10 * time.Millisecond)
		}
		s := w.m.Stats()
		if loads := s.Unknown - known; loads < 1000 || loads > 1050 {
			w.t.Errorf("%d loads in ten seconds", loads)
		}
		if n := w.m.Status().Negative; n > 1100 {
			w.t.Errorf("%d negatives are kept", n)
		}
		w.write(simple("t3", "v2")) // and changes are seen
		step(soon)
		w.want("t3.example", "live v2")
	})
}

// TestFloodBesideKnownTenants: 2,000 unknown hosts a second starve none of 1,304 tenants that are used, also when they
// have to be read again meanwhile.
func TestFloodBesideKnownTenants(t *testing.T) {
	scene(t, ondemand.Options{Loads: 4}, func(w *world) {
		docs := many(1304)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		w.unfollowed()
		w.Delay(time.Millisecond)
		ctx, stop := context.WithCancel(w.t.Context())
		var flood sync.WaitGroup
		for i := range 20 {
			flood.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					w.look(fmt.Sprintf("h%d-%d.stranger.test", i, n))
					<-time.After(10 * time.Millisecond)
				}
			})
		}
		right := make(map[string]int)
		const rounds = 45
		for range rounds {
			for i, d := range docs {
				if v := w.look(d.hosts[0]); v.Freshness == tenant.Live && allows(v, "v1") {
					right[d.id]++
				}
				if i%16 == 0 {
					<-time.After(12 * time.Millisecond)
				}
			}
		}
		stop()
		flood.Wait()
		wrong := 0
		for _, d := range docs {
			if right[d.id] != rounds {
				wrong++
			}
		}
		if wrong > 0 {
			w.t.Errorf("%d of %d tenants were not live all the time", wrong, len(docs))
		}
		if s := w.m.Stats(); s.Refused == 0 {
			w.t.Errorf("there was no flood: %+v", s)
		}
	})
}

// TestRevocationDuringAFlood: requests that wait do not keep changes out.
func TestRevocationDuringAFlood(t *testing.T) {
	scene(t, ondemand.Options{LoadTimeout: time.Second}, func(w *world) {
		docs := many(2000)
		w.write(docs...)
		w.start()
		w.want("t0.example", "live v1")
		w.Delay(20 * time.Millisecond)
		var next atomic.Int64
		ctx, stop := context.WithCancel(w.t.Context())
		var flood sync.WaitGroup
		for range 300 {
			flood.Go(func() {
				for ctx.Err() == nil {
					w.look(docs[1+next.Add(1)%1999].hosts[0])
					<-time.After(time.Millisecond)
				}
			})
		}
		step(100 * time.Millisecond)
		w.write(simple("t0", "v2"))
		step(150 * time.Millisecond) // the stream, the head and its change, the document
		w.want("t0.example", "live v2")
		stop()
		flood.Wait()
	})
}

// TestEvictedTenantOfAKnownHost: its load is nobody's invention, so no stranger can keep it out.
func TestEvictedTenantOfAKnownHost(t *testing.T) {
	scene(t, ondemand.Options{UnknownRate: 1, UnknownBurst: 1}, func(w *world) {
		short := simple("a", "v1")
		short.maxStale = time.Hour
		w.write(short)
		w.start()
		w.want("a.example", "live v1")
		step(2 * time.Hour) // the document is too old, the host is known
		w.want("stranger.test", "unknown")
		w.want("another.test", "unavailable") // there is nothing left for strangers
		w.want("a.example", "live v1")
	})
}

// TestLookupsAllocateNothing for a tenant in memory.
func TestLookupsAllocateNothing(t *testing.T) {
	s := storetest.NewMemory()
	d := doc{id: "a", text: "v1", hosts: []string{"a.example", "*.wild.example"}}
	s.Put(d.id, d.bytes(), d.hosts...)
	s.Announce(d.id, store.KindApply, 0)
	r := patient(t, ondemand.Options{Source: s})
	for _, k := range []tenant.Key{{Authority: "a.example"}, {Authority: "x.wild.example:443"}, {Hint: "a"}} {
		ctx := t.Context()
		if v := r.Lookup(ctx, k); v.Freshness != tenant.Live {
			t.Fatalf("%+v is %s", k, v.Freshness)
		}
		if n := testing.AllocsPerRun(1000, func() { r.Lookup(ctx, k) }); n > 0 {
			t.Errorf("%v allocations for %+v", n, k)
		}
	}
}

package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestLazyReadsWhatIsAskedFor and nothing else, once.
func TestLazyReadsWhatIsAskedFor(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.write(many(1000)...)
		w.start()
		if s := w.m.Status(); !s.Ready || s.Primed || s.Tenants != 0 {
			w.t.Errorf("before anybody asked: %+v", s)
		}
		asked := w.asked()
		for range 100 {
			w.want("t7.example", "live v1")
			w.want("/t8", "live v1")
		}
		if n := asked(); n > 6 {
			w.t.Errorf("asked %d times", n)
		}
		if s := w.m.Status(); s.Tenants != 2 {
			w.t.Errorf("%d tenants", s.Tenants)
		}
		if n := w.Calls(storetest.OpIDs); n != 0 {
			w.t.Errorf("%d listings", n)
		}
	})
}

// TestR18Cap: with more tenants than fit, those that are used stay, all are answered, and memory is bounded.
func TestR18Cap(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, MaxTenants: 100, LookupBudget: time.Second}, func(w *world) {
		docs := many(1000)
		w.write(docs...)
		w.start()
		random := rand.New(rand.NewPCG(1, 1))
		zipf := rand.NewZipf(random, 1.2, 1, uint64(len(docs)-1))
		waited := 0
		for i := range 20_000 {
			host := docs[zipf.Uint64()].hosts[0]
			v := w.look(host)
			if v.Waited {
				waited++
			}
			if v.Freshness != tenant.Live || !allows(v, "v1") {
				w.t.Fatalf("%s is %s", host, v.Freshness)
			}
			if i%100 == 0 {
				step(10 * time.Millisecond)
			}
		}
		if waited > 8000 {
			w.t.Errorf("%d of 20,000 lookups waited", waited)
		}
		if n := w.m.Status().Tenants; n > 150 {
			w.t.Errorf("%d tenants in memory", n)
		}
		w.write(simple("t0", "v2"))
		step(soon)
		w.want("t0.example", "live v2")
	})
}

// TestLazyRefresh: what is used is refreshed before its TTL ends, so that nobody sees it stale while the
// stream is out of reach; and it is not asked for more often.
func TestLazyRefresh(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.write(simple("hot", "v1"), simple("cold", "v1"))
		w.start()
		w.want("cold.example", "live v1")
		w.deaf.Store(true)
		asked := w.asked()
		for range 1200 { // two minutes
			w.want("hot.example", "live v1")
			step(100 * time.Millisecond)
		}
		if n := asked(); n < 4+2 || n > 6+3 {
			w.t.Errorf("asked %d times in two minutes", n)
		}
	})
}

// TestMissingTenantsAreNotAskedForAllTheTime: not more often than those that are there.
func TestMissingTenantsAreNotAskedForAllTheTime(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(100)
		w.write(docs...)
		w.start()
		w.Lose("t1", "t2", "t3")
		step(time.Minute)
		w.wantAll(docs[:10], "live v1")
		asked := w.asked()
		for range 120 {
			w.wantAll(docs[:1], "live v1")
			for _, d := range docs[1:4] {
				if v := w.look(d.hosts[0]); !allows(v, "v1") {
					w.t.Fatalf("%s is %s", d.id, v.Freshness)
				}
			}
			step(time.Second)
		}
		if n := asked(); n > 4*5*2 {
			w.t.Errorf("asked %d times in two minutes", n)
		}
	})
}

// TestLazyGap: after changes were missed, hosts and tenants are asked for again as they are used.
func TestLazyGap(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.write(simple("a", "v1"), doc{id: "all", text: "all", hosts: []string{"*"}}, simple("gone", "v1"))
		w.start()
		w.want("a.example", "live v1")
		w.want("x.example", "live all")
		w.Fail(errGone)
		step(time.Second)
		w.write(simple("a", "v2"), simple("x", "v1"), doc{id: "b", text: "v1", hosts: []string{"b.example"}})
		w.Trim(0)
		w.Fail(nil)
		step(6 * time.Second)
		w.look("a.example")
		w.look("x.example")
		step(2 * time.Second)
		w.want("a.example", "live v2")
		w.want("x.example", "live v1")
		w.want("b.example", "live v1")
	})
}

// TestLazyRoutine: a host that was bound by a wildcard is asked for again from time to time, for writers
// that announce nothing.
func TestLazyRoutine(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, ResyncInterval: 2 * time.Minute}, func(w *world) {
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		w.want("x.example", "live all")
		w.put(simple("x", "v1"))
		step(3 * time.Minute)
		w.look("x.example")
		step(soon)
		w.want("x.example", "live v1")
	})
}

// TestBindingsWithoutAStore: what was bound by a wildcard goes on being so when nobody can be asked, as
// long as the tenant lists the wildcard.
func TestBindingsWithoutAStore(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.write(doc{id: "wild", text: "v1", hosts: []string{"*.example"}})
		w.start()
		w.want("x.example", "live v1")
		w.want("y.example", "live v1")
		w.write(doc{id: "other", text: "v1", hosts: []string{"*.y.example"}}) // every binding by wildcard is in doubt
		step(soon)
		w.Fail(errGone)
		asked := w.asked()
		for range 1000 {
			w.want("x.example", "live v1")
			step(10 * time.Millisecond)
		}
		if n := asked(); n > 100 { // with growing pauses
			w.t.Errorf("asked %d times in ten seconds", n)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.look("x.example")
		step(soon)
		asked = w.asked()
		w.want("x.example", "live v1")
		step(soon)
		if n := asked(); n != 0 {
			w.t.Errorf("asked %d times for what is not in doubt any more", n)
		}
		w.Lose("wild")
		w.write(doc{id: "wild", text: "v2", hosts: []string{"*.test"}})
		w.Fail(errGone)
		step(soon)
		if v := w.look("x.example"); v.Freshness != tenant.Unavailable && v.ID() == "wild" && allows(v, "v2") {
			w.t.Errorf("a host that the tenant does not list is %s", v.Freshness)
		}
	})
}

// TestExactBindingsAreNotInDoubt: tenants with wildcards come and go all the time.
func TestExactBindingsAreNotInDoubt(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		docs := many(100)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		for i := range 20 {
			w.write(doc{id: fmt.Sprintf("w%d", i), text: "v1", hosts: []string{fmt.Sprintf("*.w%d.example", i)}})
		}
		step(soon)
		asked := w.asked()
		w.wantAll(docs, "live v1")
		step(soon)
		if n := asked(); n != 0 {
			w.t.Errorf("asked %d times", n)
		}
	})
}

// TestLazyDeletedFromDisk: what is deleted while it is not in memory is not on disk either.
func TestLazyDeletedFromDisk(t *testing.T) {
	scene(t, mirror.Options{Lazy: true, MaxTenants: 10}, func(w *world) {
		w.write(many(100)...)
		w.start()
		w.wantAll(many(100), "live v1")
		step(2 * time.Second)
		for _, d := range many(100) {
			w.Lose(d.id)
			w.Announce(d.id, store.KindDelete, 0)
		}
		step(2 * time.Second)
		w.crash()
		if n := len(w.state.committed); n != 0 {
			w.t.Errorf("%d deleted tenants are on disk", n)
		}
	})
}

// TestR17Herd: many tenants that grow old in the same instant are refreshed a few at a time, and nobody waits.
func TestR17Herd(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(10_000)
		w.write(docs...)
		w.start()
		step(time.Second)
		w.deaf.Store(true)
		w.Delay(5 * time.Millisecond)
		most := int64(0)
		asked := w.asked()
		for second := range 40 {
			for i, d := range docs {
				if v, _ := w.peek(d.hosts[0]); v.Freshness != tenant.Live {
					w.t.Fatalf("%s is %s", d.id, v.Freshness)
				}
				if i%2000 == 0 {
					step(200 * time.Millisecond)
				}
				most = max(most, w.m.Stats().LoadsInFlight)
			}
			if n := asked(); second < 15 && n > 0 {
				w.t.Fatalf("asked after %d s", second)
			}
		}
		if most > 4 {
			w.t.Errorf("%d loads at once", most)
		}
		if n := asked(); n < 100 || n > 400 {
			w.t.Errorf("asked %d times for 10,000 tenants", n)
		}
	})
}

package ondemand_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// watch looks at a host until it is stopped, and reports what was seen.
func (w *world) watch(host string) (seen func() map[string]bool) {
	found := make(map[string]bool)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			v := w.look(host)
			found[v.Freshness.String()+" "+v.ID()] = true
			select {
			case <-done:
				return
			case <-time.After(50 * time.Microsecond):
			}
		}
	}()
	return func() map[string]bool {
		close(done)
		<-ended
		return found
	}
}

// TestHostMoves: a host that moves is the old tenant's or the new one's at every moment, in whatever order the changes
// are told and read.
func TestHostMoves(t *testing.T) {
	from := doc{id: "a", text: "v1", hosts: []string{"a.example", "x.example"}}
	without := doc{id: "a", text: "v2", hosts: []string{"a.example"}}
	to := doc{id: "b", text: "v2", hosts: []string{"b.example", "x.example"}}
	before := doc{id: "b", text: "v1", hosts: []string{"b.example"}}
	tests := map[string]func(w *world){
		"both announced": func(w *world) {
			w.put(without, to)
			w.Announce("a", store.KindApply, 0)
			w.Announce("b", store.KindApply, 0)
		},
		"the old one announced only": func(w *world) {
			w.put(without, to)
			w.Announce("a", store.KindApply, 0)
		},
		"the new one announced only": func(w *world) {
			w.put(without, to)
			w.Announce("b", store.KindApply, 0)
		},
		"far apart": func(w *world) {
			w.put(without, to)
			w.Announce("a", store.KindApply, 0)
			<-time.After(20 * time.Millisecond)
			w.Announce("b", store.KindApply, 0)
		},
		"by a deletion": func(w *world) {
			w.Put("a", tombstone("a", "a.example", "x.example"))
			w.put(to)
			w.Announce("b", store.KindApply, 0)
			w.Announce("a", store.KindDelete, 0)
		},
		"by a raw deletion": func(w *world) {
			w.Lose("a")
			w.put(to)
			w.Announce("a", store.KindDelete, 0)
			<-time.After(20 * time.Millisecond)
			w.Announce("b", store.KindApply, 0)
		},
	}
	for name, move := range tests {
		for _, inMemory := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, the new one in memory %v", name, inMemory), func(t *testing.T) {
				scene(t, ondemand.Options{}, func(w *world) {
					w.write(from, before, doc{id: "all", text: "all", hosts: []string{"*"}})
					w.start()
					w.want("x.example", "live v1")
					if inMemory {
						w.want("b.example", "live v1")
					}
					w.Late(func(storetest.Call) { <-time.After(time.Millisecond) })
					seen := w.watch("x.example")
					move(w)
					step(2 * soon)
					for v := range seen() {
						switch v {
						case "live a", "live b":
						case "unknown a": // the tombstone, which is closed
							if name != "by a deletion" {
								w.t.Errorf("x.example was %s", v)
							}
						default:
							w.t.Errorf("x.example was %s", v)
						}
					}
					w.want("x.example", "live v2")
					w.want("b.example", "live v2")
					if v := w.look("x.example"); v.ID() != "b" {
						w.t.Errorf("x.example is %s's", v.ID())
					}
				})
			})
		}
	}
}

// TestIntegrity: a host is a tenant's when its document and the host's key say so, both.
func TestIntegrity(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		a := doc{id: "a", text: "v1", hosts: []string{"a.example", "b.example", "none.example"}}
		w.Put("a", a.bytes(), "a.example")
		w.Announce("a", store.KindApply, 0)
		w.write(doc{id: "b", text: "v1", hosts: []string{"b.example"}}, doc{id: "all", text: "all", hosts: []string{"*"}})
		w.Put("c", doc{id: "c", text: "v1", hosts: []string{"c.example"}}.bytes(), "c.example", "unlisted.example")
		w.Announce("c", store.KindApply, 0)
		w.start()
		w.want("a.example", "live v1")
		w.want("/a", "live v1")
		w.want("c.example", "live v1")
		w.want("none.example", "live all")
		if n := w.m.Stats().Integrity; n != 0 {
			w.t.Errorf("%d errors", n)
		}
		w.want("unlisted.example", "unknown") // and not the default tenant's
		w.Announce("no id", store.KindApply, 0)
		step(soon)
		if n := w.m.Stats().Integrity; n != 2 {
			w.t.Errorf("%d errors", n)
		}
		if v := w.look("b.example"); v.ID() != "b" {
			w.t.Errorf("b.example is %q's", v.ID())
		}
		w.Put("a", a.bytes(), "none.example") // the host comes late, and nobody announces it
		step(29 * time.Second)
		w.look("none.example")
		step(soon)
		if v := w.look("none.example"); v.ID() != "a" {
			w.t.Errorf("none.example is %q's", v.ID())
		}
	})
}

// TestWildcards is rule 26 while wildcards come, move and go, whether their tenants are in memory or not.
func TestWildcards(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		give := func(id string, hosts ...string) {
			w.write(doc{id: id, text: id, hosts: hosts})
			step(soon)
			w.look("x.y.example") // the first one may still be answered by what is in memory
			step(soon)
		}
		lose := func(id string) {
			w.Lose(id)
			w.Announce(id, store.KindDelete, 0)
			step(soon)
		}
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		w.want("x.y.example", "live all")
		give("wide", "*.example")
		w.want("x.y.example", "live wide")
		give("narrow", "*.y.example")
		w.want("x.y.example", "live narrow")
		give("exact", "x.y.example")
		w.want("x.y.example", "live exact")
		w.want("z.y.example", "live narrow")
		w.want("y.example", "live wide")
		w.want("example", "live all")
		lose("exact")
		w.want("x.y.example", "live narrow")
		w.Lose("narrow") // with its hosts
		give("narrow", "*.z.example")
		w.want("x.y.example", "live wide")
		lose("wide")
		w.want("x.y.example", "live all")
		lose("all")
		w.want("x.y.example", "unknown")
	})
}

// TestHostsWithoutAStore: what was found by a wildcard goes on being so when nobody can be asked, as long as the tenant
// lists the wildcard.
func TestHostsWithoutAStore(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(doc{id: "wild", text: "v1", hosts: []string{"*.example"}})
		w.start()
		w.want("x.example", "live v1")
		w.want("x.y.example", "live v1")
		w.write(doc{id: "other", text: "v1", hosts: []string{"*.y.example"}})
		step(soon)
		w.Fail(errGone)
		asked := w.asked()
		for range 1000 {
			w.want("x.example", "live v1")
			w.want("x.y.example", "live v1")
			step(10 * time.Millisecond)
		}
		if n := asked(); n < 8 || n > 20 { // about once a second
			w.t.Errorf("asked %d times in ten seconds", n)
		}
		w.Fail(nil)
		step(6 * time.Second)
		w.look("x.y.example")
		step(soon)
		if v := w.look("x.y.example"); v.ID() != "other" {
			w.t.Errorf("the host is %q's", v.ID())
		}
		w.write(doc{id: "wild", text: "v2", hosts: []string{"*.test"}})
		step(soon)
		w.Fail(errGone)
		w.want("x.example", "unavailable")
	})
}

// TestOtherWildcardsCostNothing: tenants with wildcards come and go all the time.
func TestOtherWildcardsCostNothing(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
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
		if n := w.m.Status().Documents; n != len(docs) {
			w.t.Errorf("%d documents in memory, also of tenants that nobody asked for", n)
		}
	})
}

// TestUnreadable: a tenant whose document was never readable is closed, also where even its hosts cannot be read; a
// readable one keeps its last good document.
func TestUnreadable(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}}, simple("good", "v1"))
		w.Put("broken", []byte(`{"id":"broken","hosts":["broken.example"],"policy":{"origins":["no origin"]}}`), "broken.example")
		w.Put("torn", []byte(`{"id":`), "torn.example")
		w.Put("typed", nil, "typed.example")
		w.Spoil("typed", store.ErrWrongType)
		w.Announce("broken", store.KindApply, 0)
		w.start()
		w.want("good.example", "live v1")
		for _, host := range []string{"broken.example", "torn.example", "typed.example", "/broken", "/torn", "/typed"} {
			w.want(host, "unreadable")
		}
		w.Put("good", []byte(`{"id":`))
		w.Announce("good", store.KindApply, 0)
		step(soon)
		for range 100 {
			w.want("good.example", "live v1")
			step(time.Second)
		}
		if s := w.m.Survey(); len(s.Rejected) != 4 || s.Live != 1 {
			w.t.Errorf("%+v", s)
		}
		if s := w.m.Stats(); s.Unreadable != 3 || s.Invalid != 1 {
			w.t.Errorf("%+v", s)
		}
		w.write(simple("good", "v2"), simple("torn", "v1"))
		step(soon)
		w.want("good.example", "live v2")
		w.want("torn.example", "live v1")
		if got := w.look("broken.example"); got.ID() != "broken" || got.Freshness != tenant.Unreadable {
			w.t.Errorf("broken.example is %s", got.Freshness)
		}
	})
}

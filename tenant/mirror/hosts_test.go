package mirror_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// watch looks at hosts until it is stopped, and reports what was seen of each.
func (w *world) watch(hosts ...string) (seen func() map[string][]string) {
	found := make(map[string]map[string]bool)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, host := range hosts {
				v, _ := w.peek(host)
				if found[host] == nil {
					found[host] = make(map[string]bool)
				}
				found[host][v.Freshness.String()+" "+v.ID()] = true
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Microsecond):
			}
		}
	}()
	return func() map[string][]string {
		close(done)
		<-ended
		all := make(map[string][]string)
		for host, views := range found {
			for v := range views {
				all[host] = append(all[host], v)
			}
		}
		return all
	}
}

// TestHostMoves: a host that moves is the old tenant's or the new one's at every moment, in whatever order
// the changes are told and read.
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
		"between the readings of documents and owners": func(w *world) {
			var seen atomic.Bool
			w.Late(func(c storetest.Call) {
				if c.Op == storetest.OpDocuments && !seen.Swap(true) {
					w.put(without, to)
					w.Announce("a", store.KindApply, 0)
					w.Announce("b", store.KindApply, 0)
				}
			})
			w.write(doc{id: "a", text: "v1", hosts: []string{"x.example", "a.example"}})
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
			w.Announce("a", store.KindDelete, 0)
			w.Announce("b", store.KindApply, 0)
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
		for _, lazy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lazy %v", name, lazy), func(t *testing.T) {
				scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
					w.write(from, before, doc{id: "all", text: "all", hosts: []string{"*"}})
					w.start()
					w.want("x.example", "live v1")
					w.want("b.example", "live v1")
					w.Late(func(storetest.Call) { <-time.After(time.Millisecond) })
					seen := w.watch("x.example")
					move(w)
					step(soon)
					for _, v := range seen()["x.example"] {
						switch v {
						case "live a", "stale a", "live b", "stale b":
						default:
							w.t.Errorf("x.example was %s", v)
						}
					}
					w.want("x.example", "live v2")
					w.want("b.example", "live v2")
					if id := idOf(w.look("x.example")); id != "b" {
						w.t.Errorf("x.example is %s's", id)
					}
				})
			})
		}
	}
}

func idOf(v tenant.View) string { return v.ID() }

// TestHostsMoveInAChain: each tenant takes a host of the next one.
func TestHostsMoveInAChain(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		at := func(i, host int) doc {
			return doc{id: fmt.Sprintf("t%d", i), text: fmt.Sprintf("v%d", host), hosts: []string{fmt.Sprintf("h%d.example", host)}}
		}
		const n = 4
		var hosts []string
		for i := range n {
			w.write(at(i, i))
			hosts = append(hosts, fmt.Sprintf("h%d.example", i))
		}
		w.start()
		w.Late(func(storetest.Call) { <-time.After(time.Millisecond) })
		seen := w.watch(hosts...)
		for i := range n {
			w.put(at(i, (i+1)%n))
		}
		w.Announce("t0", store.KindApply, 0)
		step(soon)
		for host, views := range seen() {
			if len(views) > 2 {
				w.t.Errorf("%s was %v", host, views)
			}
		}
		for i := range n {
			w.want(hosts[i], fmt.Sprintf("live v%d", i))
			if id := idOf(w.look(hosts[i])); id != fmt.Sprintf("t%d", (i+n-1)%n) {
				w.t.Errorf("%s is %s's", hosts[i], id)
			}
		}
	})
}

// TestIntegrity: a host is a tenant's when its document and the host's key say so, both.
func TestIntegrity(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy %v", lazy), func(t *testing.T) {
			scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
				w.Put("a", doc{id: "a", text: "v1", hosts: []string{"a.example", "b.example", "none.example"}}.bytes(), "a.example")
				w.Announce("a", store.KindApply, 0)
				w.write(doc{id: "b", text: "v1", hosts: []string{"b.example"}})
				w.Put("c", doc{id: "c", text: "v1", hosts: []string{"c.example"}}.bytes(), "c.example", "unlisted.example")
				w.Announce("c", store.KindApply, 0)
				w.Announce("no id", store.KindApply, 0)
				w.start()
				w.want("a.example", "live v1")
				w.want("/a", "live v1")
				w.want("c.example", "live v1")
				w.want("none.example", "unknown")
				w.want("unlisted.example", "unknown")
				if id := idOf(w.look("b.example")); id != "b" {
					w.t.Errorf("b.example is %q's", id)
				}
				step(soon)
				if n := w.m.Stats().Integrity; n == 0 {
					w.t.Error("nothing is counted")
				}
				if !lazy && w.m.Status().Problems["a"] == "" {
					w.t.Errorf("problems: %v", w.m.Status().Problems)
				}
				// The host comes late, and nobody announces it.
				w.Put("a", doc{id: "a", text: "v1", hosts: []string{"a.example", "b.example", "none.example"}}.bytes(), "none.example")
				step(7 * time.Second)
				w.look("none.example")
				step(soon)
				w.want("none.example", "live v1")
			})
		})
	}
}

// TestHostsOfAnotherTenantOnDisk: what the store said about hosts is kept with the documents, as soon as it
// is known.
func TestHostsOfAnotherTenantOnDisk(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		greedy := doc{id: "a", text: "a", hosts: []string{"a.example", "x.example"}}
		w.write(greedy, doc{id: "b", text: "b", hosts: []string{"b.example"}})
		w.start()
		w.want("x.example", "live a")
		w.write(doc{id: "b", text: "b", hosts: []string{"b.example", "x.example"}}) // and a still lists it
		step(2 * time.Second)
		w.want("x.example", "live b")
		w.crash()
		w.Fail(errGone)
		for _, reverse := range []bool{false, true} {
			w.state.reverse = reverse
			w.start()
			w.want("x.example", "disk b")
			w.crash()
		}
	})
}

// TestHostIsNeverNobodys: a host goes to and fro while somebody looks all the time, on another processor.
func TestHostIsNeverNobodys(t *testing.T) {
	t.Parallel()
	w := &world{Memory: storetest.NewMemory(), t: t}
	w.write(doc{id: "a", text: "a", hosts: []string{"x.example"}}, doc{id: "b", text: "b"})
	w.m = start(t, mirror.Options{Reader: w.Memory, LoadTimeout: patience})
	untilReady(t, w.m)
	stop, done := make(chan struct{}), make(chan struct{})
	var nobody atomic.Int64
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if v := w.m.Lookup(t.Context(), tenant.Key{Authority: "x.example"}); v.ID() == "" {
				nobody.Add(1)
			}
		}
	}()
	ids := []string{"a", "b"}
	for i := range 300 {
		from, to := ids[i%2], ids[1-i%2]
		w.put(doc{id: to, text: fmt.Sprintf("v%d", i), hosts: []string{"x.example"}}, doc{id: from, text: fmt.Sprintf("v%d", i)})
		w.Announce(from, store.KindApply, 0)
		w.until(func() bool { v, _ := w.peek("x.example"); return v.ID() == to })
	}
	close(stop)
	<-done
	if n := nobody.Load(); n > 0 {
		t.Errorf("the host was nobody's in %d lookups", n)
	}
}

// until waits for a condition, in real time.
func (w *world) until(ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatal("it did not happen")
		}
		<-time.After(50 * time.Microsecond)
	}
}

// TestPartOfARegistry: before the whole registry is in memory, what is there of it takes no host of a tenant
// that is still to come.
func TestPartOfARegistry(t *testing.T) {
	scene(t, mirror.Options{LookupBudget: time.Second}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}}, doc{id: "wild", text: "wild", hosts: []string{"*.example"}})
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 1 && !slices.Contains(c.Keys, "all") && !slices.Contains(c.Keys, "wild") {
				<-time.After(time.Second)
			}
			return nil
		})
		w.start()
		for {
			all, _ := w.peek("/all")
			wild, _ := w.peek("/wild")
			if all.ID() != "" && wild.ID() != "" || w.m.Status().Primed {
				break
			}
			step(10 * time.Millisecond)
		}
		if w.m.Status().Primed {
			w.t.Fatal("the test was too late")
		}
		for _, d := range docs {
			if v := w.look(d.hosts[0]); v.ID() != d.id && v.Freshness != tenant.Unavailable {
				w.t.Fatalf("%s is %s of %q", d.hosts[0], v.Freshness, v.ID())
			}
		}
		if v := w.look("other.test"); v.Freshness != tenant.Unavailable {
			w.t.Errorf("an unknown host is %s of %q", v.Freshness, v.ID())
		}
		w.want(docs[7].hosts[0], "live v1") // it is loaded since somebody asks
		step(3 * time.Second)
		w.wantAll(docs, "live v1")
		w.want("other.test", "live all")
		w.want("other.example", "live wild")
	})
}

// TestManyHosts: the owners of more hosts than fit into one read.
func TestManyHosts(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		var docs []doc
		for i := range 5 {
			d := doc{id: fmt.Sprintf("t%d", i), text: "v1"}
			for j := range document.MaxHosts {
				d.hosts = append(d.hosts, fmt.Sprintf("h%d.t%d.example", j, i))
			}
			docs = append(docs, d)
		}
		w.write(docs...)
		w.start()
		for _, d := range docs {
			for _, host := range d.hosts {
				if v := w.look(host); v.ID() != d.id {
					w.t.Fatalf("%s is %s of %q", host, v.Freshness, v.ID())
				}
			}
		}
		docs[0].hosts = docs[0].hosts[:10]
		w.write(docs[0])
		step(soon)
		w.want("h9.t0.example", "live v1")
		w.want("h10.t0.example", "unknown")
	})
}

// TestWildcards is rule 26 while wildcards come, move and go.
func TestWildcards(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy %v", lazy), func(t *testing.T) {
			scene(t, mirror.Options{Lazy: lazy}, func(w *world) {
				give := func(id string, hosts ...string) {
					w.write(doc{id: id, text: id, hosts: hosts})
					step(soon)
					if lazy {
						w.look("x.y.example") // the first one may still be answered by the old binding
						step(soon)
					}
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
				w.Lose("exact")
				w.Announce("exact", store.KindDelete, 0)
				step(soon)
				w.want("x.y.example", "live narrow")
				w.Lose("narrow") // with its hosts
				give("narrow", "*.z.example")
				w.want("x.y.example", "live wide")
				w.Lose("wide")
				w.Announce("wide", store.KindDelete, 0)
				step(soon)
				w.want("x.y.example", "live all")
				w.Lose("all")
				w.Announce("all", store.KindDelete, 0)
				step(soon)
				w.want("x.y.example", "unknown")
			})
		})
	}
}

// TestConcurrentReaders: lookups while documents change, with the race detector's help.
func TestConcurrentReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Memory: storetest.NewMemory(), t: t, state: &state{}}
		docs := many(50)
		w.write(docs...)
		w.start()
		defer w.stop()
		var hosts []string
		for _, d := range docs {
			hosts = append(hosts, d.hosts[0])
		}
		var seen []func() map[string][]string
		for range 4 {
			seen = append(seen, w.watch(hosts...))
		}
		for i := range 200 {
			w.write(simple(docs[i%50].id, fmt.Sprintf("v%d", i)))
			step(time.Millisecond)
		}
		for _, f := range seen {
			for host, views := range f() {
				for _, v := range views {
					if id := host[:len(host)-len(".example")]; v != "live "+id && v != "stale "+id {
						t.Errorf("%s was %s", host, v)
					}
				}
			}
		}
	})
}

package replica_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// watch looks at hosts until seen is called, which gives what each was.
func (w *world) watch(hosts ...string) (seen func() map[string]map[string]bool) {
	found := make(map[string]map[string]bool)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, host := range hosts {
				v := w.look(host)
				if found[host] == nil {
					found[host] = make(map[string]bool)
				}
				found[host][v.Freshness.String()+" "+v.ID()] = true
			}
			select {
			case <-done:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	return func() map[string]map[string]bool {
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
			w.together(func() { w.write(without, to) })
		},
		"the new one first": func(w *world) {
			w.put(to)
			w.Announce("b", store.KindApply, 0)
			<-time.After(20 * time.Millisecond)
			w.put(without)
			w.Announce("a", store.KindApply, 0)
		},
		"by a deletion": func(w *world) {
			w.together(func() {
				w.bury(from)
				w.write(to)
			})
		},
		"unannounced": func(w *world) {
			w.put(without, to)
			<-time.After(20 * time.Second)
		},
	}
	for name, move := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, replica.Options{ResyncInterval: 10 * time.Second}, func(w *world) {
				w.write(from, before, doc{id: "all", text: "all", hosts: []string{"*"}})
				w.start()
				w.want("x.example", "live v1")
				w.Late(func(storetest.Call) { <-time.After(time.Millisecond) })
				seen := w.watch("x.example")
				move(w)
				step(soon)
				for v := range seen()["x.example"] {
					if v != "live a" && v != "live b" {
						w.t.Errorf("x.example was %s", v)
					}
				}
				w.want("x.example", "live v2")
				w.want("b.example", "live v2")
				if id := w.owner("x.example"); id != "b" {
					w.t.Errorf("x.example is %q's", id)
				}
			})
		})
	}
}

// TestHostsMoveInAChain: each tenant takes a host of the next one, and no host is nobody's in between.
func TestHostsMoveInAChain(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
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
		w.together(func() {
			for i := range n {
				w.write(at(i, (i+1)%n))
			}
		})
		for host, views := range seen() {
			if len(views) > 2 {
				w.t.Errorf("%s was %v", host, views)
			}
		}
		for i := range n {
			w.want(hosts[i], fmt.Sprintf("live v%d", i))
			if id := w.owner(hosts[i]); id != fmt.Sprintf("t%d", (i+n-1)%n) {
				w.t.Errorf("%s is %s's", hosts[i], id)
			}
		}
	})
}

// TestHostKeysAreNotRead: documents alone say whose a host is.
func TestHostKeysAreNotRead(t *testing.T) {
	scene(t, replica.Options{ResyncInterval: time.Minute}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Own("a.example", "b")
		w.Own("nobody.example", "a")
		w.start()
		step(2 * time.Minute)
		w.want("a.example", "live v1")
		w.want("nobody.example", "unknown")
		if n := w.Calls(storetest.OpOwners); n != 0 {
			w.t.Errorf("%d reads of hosts", n)
		}
	})
}

// TestManyHosts of some tenants, most of which go.
func TestManyHosts(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
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
	scene(t, replica.Options{}, func(w *world) {
		give := func(id string, hosts ...string) {
			w.write(doc{id: id, text: id, hosts: hosts})
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
		give("narrow", "*.z.example")
		w.want("x.y.example", "live wide")
		lose("wide")
		w.want("x.y.example", "live all")
		lose("all")
		w.want("x.y.example", "unknown")
	})
}

// TestConcurrentLookups while documents change, with the race detector's help.
func TestConcurrentLookups(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		docs := many(50)
		w.write(docs...)
		w.start()
		var hosts []string
		for _, d := range docs {
			hosts = append(hosts, d.hosts[0])
		}
		var seen []func() map[string]map[string]bool
		for range 4 {
			seen = append(seen, w.watch(hosts...))
		}
		for i := range 100 {
			w.write(simple(docs[i%50].id, fmt.Sprintf("v%d", i)))
			step(time.Millisecond)
		}
		for _, f := range seen {
			for host, views := range f() {
				if len(views) != 1 || !views["live "+host[:len(host)-len(".example")]] {
					w.t.Errorf("%s was %v", host, views)
				}
			}
		}
	})
}

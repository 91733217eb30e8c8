package mirror_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestR8KeepsTheLastGoodDocument is R8, R9, R11 and rule 74: what cannot be used changes nothing for its
// tenant, neither at once nor after a resynchronisation or a restart, and nothing for the others.
func TestR8KeepsTheLastGoodDocument(t *testing.T) {
	good := simple("a", "v2")
	put := func(data string) func(w *world) {
		return func(w *world) { w.Put("a", []byte(data), "a.example") }
	}
	tests := map[string]func(w *world){
		"R8 truncated":          put(string(good.bytes()[:30])),
		"R8 empty":              put(" "),
		"R8 no JSON":            put("hello"),
		"R8 invalid UTF-8":      put(strings.Replace(string(good.bytes()), "v2", "v\xff", 1)),
		"R8 two documents":      put(string(good.bytes()) + "\n---\n" + string(good.bytes())),
		"R8 unknown field":      put(`{"id":"a","hosts":["a.example"],"polices":{}}`),
		"R8 broken policy":      put(`{"id":"a","hosts":["a.example"],"policy":{"origins":["no origin"]}}`),
		"R8 another's document": put(string(simple("b", "v2").bytes())),
		"R9 wrong type":         func(w *world) { w.Spoil("a", store.ErrWrongType) },
		"R11 too large":         put(string(good.bytes()) + strings.Repeat(" ", document.MaxDocumentBytes)),
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, mirror.Options{ResyncInterval: time.Minute}, func(w *world) {
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				spoil(w)
				w.Announce("a", store.KindApply, 0)
				step(2 * time.Second)
				good := func() {
					w.t.Helper()
					w.want("a.example", "live v1")
					w.want("b.example", "live v1")
					if s := w.m.Status(); len(s.Problems) != 1 || s.Problems["a"] == "" {
						w.t.Errorf("problems: %v", s.Problems)
					}
				}
				good()
				w.count(map[string]int64{"rejected": 1, "applied": 2})
				step(2 * time.Minute) // resynchronised
				good()
				w.restart()
				w.want("a.example", "live v1")
				step(2 * time.Minute)
				good()
				w.restart()
				w.confirm() // not even then: there is nothing to take
				step(time.Second)
				good()

				w.write(simple("a", "v1")) // the very document that is in force
				step(soon)
				if s := w.m.Status(); len(s.Problems) != 0 {
					w.t.Errorf("mended, the problems are %v", s.Problems)
				}
				w.write(simple("a", "v3"))
				step(soon)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestNeverReadable: a tenant without any good document has closed answers, and keeps its hosts.
func TestNeverReadable(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.Put("a", []byte(`{"id":"a","hosts":["a.example"],"policy":{"origins":["no origin"]}}`), "a.example")
		w.Announce("a", store.KindApply, 0)
		w.start()
		w.want("a.example", "unreadable")
		w.want("b.example", "live all")
		step(2 * time.Second)
		w.restart()
		w.want("a.example", "unreadable")
		if s := w.m.Status(); s.Problems["a"] == "" && w.m.Stats().Rejected == 0 {
			w.t.Log("the problem is known again once the document is read")
		}
		w.write(simple("a", "v1"))
		step(soon)
		w.want("a.example", "live v1")
	})
}

// TestR10NewerSchema: a layout from the future is not read at all.
func TestR10NewerSchema(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.schema.Store(2)
		w.write(simple("a", "v2"))
		step(31 * time.Second)
		w.held("schema")
		w.want("a.example", "stale v1")
		w.schema.Store(1)
		step(3 * time.Second)
		w.held("")
		w.want("a.example", "live v2")
	})
}

// TestT29AbsenceNeedsTwoObservations: a document that is not there any more, without a word, is kept until
// it has been missing for some time, and comes back as if nothing had been.
func TestT29AbsenceNeedsTwoObservations(t *testing.T) {
	opt := mirror.Options{ResyncInterval: 2 * time.Minute, AbsentAfter: 5 * time.Minute}
	scene(t, opt, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.Lose("a", "b")
		step(3 * time.Minute)
		w.want("a.example", "stale v1") // seen missing, so not confirmed
		w.count(map[string]int64{"missing": 2, "deleted": 0})
		w.put(simple("b", "v1"))
		step(3 * time.Minute)
		w.want("b.example", "live v1")
		w.Lose("b") // counts anew
		step(3 * time.Minute)
		w.want("b.example", "stale v1")
		w.want("a.example", "unknown")
		w.count(map[string]int64{"missing": 3, "deleted": 1})
		if s := w.m.Status(); s.Tenants != 1 {
			w.t.Errorf("%d tenants", s.Tenants)
		}
	})
}

// TestT29ReplicaBeforeItsFirstSync: a wrong absence is not remembered when it comes from a store that
// is not the store.
func TestT29ReplicaBeforeItsFirstSync(t *testing.T) {
	scene(t, mirror.Options{Lazy: true}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.want("a.example", "live v1")
		whole := w.Save()
		w.Flush()
		w.want("b.example", "unavailable")
		w.want("a.example", "live v1")
		w.Restore(whole)
		step(2 * time.Second)
		w.want("b.example", "live v1")
	})
}

// TestR19Deleted: a tombstone closes, for as long as it is there; then the tenant is unknown.
func TestR19Deleted(t *testing.T) {
	scene(t, mirror.Options{ResyncInterval: time.Minute}, func(w *world) {
		w.write(simple("a", "v1"), doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		w.bury(simple("a", "v1"))
		step(soon)
		v := w.look("a.example")
		if v.Freshness != tenant.Unknown || v.ID() != "a" {
			w.t.Errorf("a tombstone is %s of %q", v.Freshness, v.ID())
		}
		w.want("/a", "unknown")
		step(2 * time.Second)
		w.restart()
		if v := w.look("a.example"); v.Freshness != tenant.Unknown || v.ID() != "a" {
			w.t.Errorf("a tombstone from disk is %s of %q", v.Freshness, v.ID())
		}

		w.Lose("a") // it expired
		step(2 * time.Minute)
		w.want("a.example", "live all")
		w.count(map[string]int64{"missing": 0, "deleted": 1})
		w.write(simple("a", "v2"))
		step(soon)
		w.want("a.example", "live v2")

		w.Lose("a") // raw, but announced
		w.Announce("a", store.KindDelete, 0)
		step(soon)
		w.want("a.example", "live all")
	})
}

// TestR34AllRepublished: everything is written at once, and nobody is in between.
func TestR34AllRepublished(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(5000)
		w.write(docs...)
		w.start()
		var tooMany atomic.Bool
		w.Intercept(func(context.Context, storetest.Call) error {
			if w.m.Stats().LoadsInFlight > 4 {
				tooMany.Store(true)
			}
			<-time.After(time.Millisecond)
			return nil
		})
		for _, d := range docs {
			w.write(simple(d.id, "v2"))
		}
		for range 100 {
			step(10 * time.Millisecond)
			for _, d := range docs[:50] {
				if v, _ := w.peek(d.hosts[0]); !allows(v, "v1") && !allows(v, "v2") {
					w.t.Fatalf("%s is %s", d.id, v.Freshness)
				}
			}
		}
		w.wantAll(docs, "live v2")
		w.count(map[string]int64{"held back": 0, "changes": 5000, "resyncs": 1})
		if tooMany.Load() {
			w.t.Error("more than four loads at once")
		}
	})
}

// TestOneTenantThatChangesOften: a thousand changes are not a thousand loads.
func TestOneTenantThatChangesOften(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v0"), simple("b", "v1"))
		w.start()
		before := w.Calls(storetest.OpDocuments)
		w.Delay(5 * time.Millisecond)
		for range 1000 {
			w.write(simple("a", "v1"))
		}
		w.write(simple("a", "v2"))
		step(time.Second)
		w.want("a.example", "live v2")
		if n := w.Calls(storetest.OpDocuments) - before; n > 10 {
			w.t.Errorf("%d loads", n)
		}
		if s := w.m.Status(); s.Pending != 0 {
			w.t.Errorf("%d are pending", s.Pending)
		}
	})
}

// TestR35ChangeDuringALoad: what was read before a change does not count after it, whichever answer
// comes first.
func TestR35ChangeDuringALoad(t *testing.T) {
	t.Run("not loaded yet", func(t *testing.T) {
		scene(t, mirror.Options{}, func(w *world) {
			w.write(simple("a", "v0"))
			w.start()
			var seen atomic.Bool
			w.Late(func(c storetest.Call) {
				if c.Op == storetest.OpDocuments && !seen.Swap(true) {
					w.write(simple("a", "v2"))
					<-time.After(soon)
				}
			})
			w.write(simple("a", "v1"))
			step(2 * soon)
			w.want("a.example", "live v2")
			w.count(map[string]int64{"discarded": 1})
		})
	})
	t.Run("loaded already", func(t *testing.T) {
		scene(t, mirror.Options{}, func(w *world) {
			w.write(simple("a", "v0"))
			w.start()
			var seen atomic.Bool
			w.Late(func(c storetest.Call) {
				if c.Op == storetest.OpDocuments && !seen.Swap(true) {
					<-time.After(2 * soon)
				}
			})
			w.write(simple("a", "v1"))
			step(time.Millisecond)
			w.write(simple("a", "v2"))
			for range 10 {
				step(soon / 2)
				if v := w.look("a.example"); allows(v, "v1") {
					w.t.Fatal("an old document came into force after a new one")
				}
			}
			w.want("a.example", "live v2")
			w.count(map[string]int64{"discarded": 1})
		})
	})
	t.Run("deleted already", func(t *testing.T) {
		scene(t, mirror.Options{}, func(w *world) {
			w.write(simple("a", "v0"))
			w.start()
			var seen atomic.Bool
			w.Late(func(c storetest.Call) {
				if c.Op == storetest.OpDocuments && !seen.Swap(true) {
					<-time.After(2 * soon)
				}
			})
			w.write(simple("a", "v1"))
			step(time.Millisecond)
			w.Lose("a")
			w.Announce("a", store.KindDelete, 0)
			step(soon)
			w.want("a.example", "unknown")
			step(4 * soon)
			w.want("a.example", "unknown")
		})
	})
	t.Run("somebody waits for it", func(t *testing.T) {
		scene(t, mirror.Options{Lazy: true, LookupBudget: time.Second}, func(w *world) {
			w.write(simple("a", "v1"))
			w.start()
			var seen atomic.Bool
			w.Late(func(c storetest.Call) {
				if c.Op == storetest.OpDocuments && !seen.Swap(true) {
					w.write(simple("a", "v2"))
					<-time.After(soon)
				}
			})
			w.want("a.example", "live v2")
		})
	})
}

// TestUnannouncedChange: what nobody announces is found when the TTL ends, if anybody asks.
func TestUnannouncedChange(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		step(time.Minute)
		w.put(simple("a", "v2"))
		step(time.Minute)
		w.want("a.example", "live v1") // nobody has asked
		step(3 * time.Second)
		w.want("a.example", "live v2")
		for range 60 {
			w.look("a.example")
			step(time.Second)
		}
		w.put(simple("a", "v3"))
		for range 33 {
			w.look("a.example")
			step(time.Second)
		}
		w.want("a.example", "live v3")
	})
}

// TestDocumentsTooLargeForOneRead: when many do not fit into the time of a read, fewer are read.
func TestDocumentsTooLargeForOneRead(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		docs := many(64)
		w.write(docs...)
		w.Intercept(func(ctx context.Context, c storetest.Call) error {
			if c.Op != storetest.OpDocuments {
				return nil
			}
			select { // each takes a tenth of a second, so three fit into a load
			case <-time.After(time.Duration(len(c.Keys)) * 80 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		w.start()
		step(2 * time.Minute)
		w.wantAll(docs, "live v1")
		for _, d := range docs {
			w.write(simple(d.id, "v2"))
		}
		step(2 * time.Minute)
		w.wantAll(docs, "live v2")
	})
}

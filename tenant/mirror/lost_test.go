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

// signed gives the store an epoch.
func (w *world) signed() { w.SetEpoch("e") }

// TestStoreThatIsNotWhereItShouldBe is R13 and R14: whatever the store became, what is in memory decides
// and grows stale, and nothing of what the store says meanwhile counts, until it is back or confirmed.
func TestStoreThatIsNotWhereItShouldBe(t *testing.T) {
	v2 := []doc{simple("a", "evil"), simple("new", "evil")}
	tests := []struct {
		name    string
		fault   func(w *world)
		held    string
		persist bool // it stays as it is until it is confirmed
	}{
		{name: "R14 flushed", held: "vanished", fault: func(w *world) { w.Flush() }},
		{name: "R14 flushed and written anew", held: "epoch", persist: true, fault: func(w *world) {
			w.Flush()
			w.SetEpoch("f")
			w.write(v2...)
		}},
		{name: "R14 flushed and written anew by others", held: "epoch", persist: true, fault: func(w *world) {
			w.Flush()
			w.write(v2...)
		}},
		{name: "R14 another registry", held: "epoch", persist: true, fault: func(w *world) {
			w.SetEpoch("f")
			w.write(v2...)
		}},
		{name: "R14 without its change stream", held: "vanished", fault: func(w *world) {
			w.LoseStream()
			w.put(v2...)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			scene(t, mirror.Options{}, func(w *world) {
				w.signed()
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				step(2 * time.Second)
				w.want("a.example", "live v1")
				tt.fault(w)
				held := func() {
					w.t.Helper()
					for name, text := range map[string]string{"a.example": "v1", "/b": "v1"} {
						if v := w.look(name); v.Freshness > tenant.Disk || !allows(v, text) || allows(v, "evil") {
							w.t.Fatalf("%s is %s", name, v.Freshness)
						}
					}
					if v := w.look("new.example"); allows(v, "evil") {
						w.t.Fatalf("a new tenant is %s", v.Freshness)
					}
				}
				for range 120 {
					held()
					step(time.Second)
				}
				w.held(tt.held)
				w.want("a.example", "stale v1")
				w.want("new.example", "unavailable")
				if s := w.m.Status(); s.Following || !s.Ready {
					w.t.Errorf("held: %+v", s)
				}
				w.count(map[string]int64{"applied": 2, "deleted": 0, "missing": 0})
				if saved := w.state.saved; saved.Epoch != "e" {
					w.t.Errorf("committed while the store is held: %+v", saved)
				}

				w.crash() // what is on disk remembers where the store should be
				w.start()
				held()
				w.held(tt.held)
				w.want("a.example", "disk v1")

				w.confirm()
				step(3 * time.Second)
				w.held("")
				if tt.persist {
					w.want("a.example", "live evil")
					w.want("new.example", "live evil")
					w.want("b.example", map[bool]string{true: "unknown", false: "live v1"}[tt.name != "R14 another registry"])
				} else if tt.name == "R14 flushed" {
					w.want("a.example", "unknown")
				}
				w.write(simple("a", "v3"))
				step(soon)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestR13LaggingReplica: an older state is ignored until the store has passed what was seen.
func TestR13LaggingReplica(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"))
		step(time.Millisecond)
		lagging := w.Save()
		w.start()
		w.write(simple("a", "v2"), simple("b", "v1"))
		step(soon)
		w.want("a.example", "live v2")

		w.Restore(lagging)
		step(35 * time.Second)
		w.held("regressed")
		w.want("a.example", "stale v2")
		w.want("b.example", "stale v1")
		w.count(map[string]int64{"verdicts": 1})

		w.write(simple("c", "v1")) // the replica is the store now, and the writers write on
		step(6 * time.Second)
		w.held("")
		w.want("c.example", "live v1")
		w.want("a.example", "live v1")  // what its writers lost is lost; they must write it again
		w.want("b.example", "stale v1") // but absence proves nothing
		if s := w.m.Stats(); s.Missing != 1 || s.Resyncs != 2 {
			w.t.Errorf("counted %+v", s)
		}
		step(18 * time.Minute)
		w.want("b.example", "unknown") // unless it lasts until the next resynchronisation
	})
}

// TestR13RevisionsDoNotGoBack: an older revision in a store that is where it should be grows stale.
func TestR13RevisionsDoNotGoBack(t *testing.T) {
	at := func(text string, revision int) doc {
		d := simple("a", text)
		d.revision = revision
		return d
	}
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		w.write(at("v7", 7))
		w.start()
		w.want("a.example", "live v7")
		w.write(at("v6", 6))
		step(soon)
		w.count(map[string]int64{"regressed": 1})
		if s := w.m.Status(); len(s.Problems) != 1 {
			w.t.Errorf("problems: %v", s.Problems)
		}
		step(31 * time.Second)
		w.want("a.example", "stale v7")
		w.restart()
		w.want("a.example", "live v7") // the follower vouches for it, until it is read
		step(30 * time.Second)
		w.want("a.example", "disk v7")
		w.write(at("v8", 8))
		step(soon)
		w.want("a.example", "live v8")
		if s := w.m.Status(); len(s.Problems) != 0 {
			w.t.Errorf("problems: %v", s.Problems)
		}
		w.write(at("v1", 1))
		step(soon)
		w.confirm()
		step(soon)
		w.want("a.example", "live v1")
	})
}

// TestR13OldBackup: a backup brings an old confirmation back, which confirms nothing.
func TestR13OldBackup(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"))
		w.confirm()
		step(time.Millisecond)
		backup := w.Save()
		w.write(simple("a", "v2"))
		w.confirm()
		w.start()
		w.want("a.example", "live v2")
		w.Restore(backup)
		step(time.Minute)
		w.held("regressed")
		w.want("a.example", "stale v2")
		w.confirm()
		step(2 * time.Second)
		w.held("")
		w.want("a.example", "live v1")
	})
}

// TestHeadsThatOvertakeEachOther: under a load of writes the answers of the store arrive in any order. That
// is no sign of a store that goes back.
func TestHeadsThatOvertakeEachOther(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		docs := many(400)
		w.write(docs...)
		w.start()
		var n atomic.Int64
		w.Late(func(storetest.Call) { <-time.After(time.Duration(n.Add(7)%40) * time.Millisecond) })
		for i := range 400 {
			w.write(simple(docs[i].id, "v2"))
			step(2 * time.Millisecond)
		}
		step(time.Second)
		w.count(map[string]int64{"verdicts": 0, "resyncs": 1})
		w.wantAll(docs, "live v2")
	})
}

// TestConfirmedTwice: a second confirmation while the first is carried out counts, too.
func TestConfirmedTwice(t *testing.T) {
	scene(t, mirror.Options{}, func(w *world) {
		w.signed()
		docs := many(60)
		w.write(docs...)
		w.start()
		var slow atomic.Int64
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpOwners && slow.Add(1) <= 2 {
				<-time.After(time.Second)
			}
			return nil
		})
		w.confirm()
		step(500 * time.Millisecond)
		w.bury(docs...)
		w.confirm()
		step(5 * time.Second)
		w.wantAll(docs, "unknown")
		if s := w.m.Status(); len(s.HeldBack) != 0 {
			w.t.Errorf("still held back: %v", s.HeldBack)
		}
	})
}

// TestR12MassDeletion: above the brake nothing more vanishes until an operator confirms it.
func TestR12MassDeletion(t *testing.T) {
	for _, how := range []string{"tombstones", "announced", "silent", "emptied"} {
		t.Run(how, func(t *testing.T) {
			scene(t, mirror.Options{BrakeFloor: 5, ResyncInterval: 5 * time.Minute, AbsentAfter: 10 * time.Minute}, func(w *world) {
				w.signed()
				docs := many(300) // 2 % are 6
				w.write(docs...)
				w.start()
				gone, kept := docs[:100], docs[100:]
				want := int64(6)
				kind := "vanished"
				switch how {
				case "tombstones":
					w.bury(gone...)
				case "announced":
					want = 5 // the first five are no tenants any more, and 2 % of the rest are 5
					for _, d := range gone {
						w.Lose(d.id)
						w.Announce(d.id, store.KindDelete, 0)
					}
				case "silent":
					for _, d := range gone {
						w.Lose(d.id)
					}
					step(23 * time.Minute) // ten minutes after the first resynchronisation that misses them
					want = 0               // all or none
				case "emptied":
					kind = "emptied"
					for _, d := range gone {
						w.write(simple(d.id, ""))
					}
				}
				step(time.Second)
				s := w.m.Status()
				if fmt.Sprint(s.HeldBack) != "["+kind+"]" {
					w.t.Errorf("held back: %v", s.HeldBack)
				}
				if st := w.m.Stats(); st.HeldBack != 100-want {
					w.t.Errorf("%d are held back, want %d", st.HeldBack, 100-want)
				}
				allowed := int64(0)
				for _, d := range gone {
					if allows(w.look(d.hosts[0]), "v1") {
						allowed++
					}
				}
				if allowed != 100-want {
					w.t.Errorf("%d go on, want %d", allowed, 100-want)
				}
				w.wantAll(kept, "live v1")
				w.write(simple("t200", "v2")) // others go on changing
				step(soon)
				w.want("t200.example", "live v2")

				w.confirm()
				step(time.Second)
				for _, d := range gone {
					if v := w.look(d.hosts[0]); allows(v, "v1") || v.Freshness != tenant.Unknown && how != "emptied" {
						w.t.Fatalf("confirmed, %s is %s", d.id, v.Freshness)
					}
				}
				if s := w.m.Status(); len(s.HeldBack) != 0 {
					w.t.Errorf("still held back: %v", s.HeldBack)
				}
			})
		})
	}
}

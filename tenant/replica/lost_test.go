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

// TestStoreThatIsNotWhereItShouldBe: whatever the store became, what is in memory decides and grows stale, and nothing
// of what the store says meanwhile counts, until it is back or confirmed; a restart changes nothing about that.
func TestStoreThatIsNotWhereItShouldBe(t *testing.T) {
	evil := []doc{simple("a", "evil"), simple("new", "evil")}
	tests := map[string]struct {
		fault func(w *world)
		held  trust.Verdict
		// after is what a, b and new are when an operator has confirmed the store.
		after [3]string
	}{
		"flushed": {func(w *world) { w.Flush() }, trust.Vanished, [3]string{"unknown", "unknown", "unknown"}},
		"flushed and written anew": {func(w *world) {
			w.Flush()
			w.SetEpoch("f")
			w.write(evil...)
		}, trust.Epoch, [3]string{"live evil", "unknown", "live evil"}},
		"flushed and written anew by others": {func(w *world) {
			w.Flush()
			w.write(evil...)
		}, trust.Epoch, [3]string{"live evil", "unknown", "live evil"}},
		"another registry": {func(w *world) {
			w.SetEpoch("f")
			w.write(evil...)
		}, trust.Epoch, [3]string{"live evil", "live v1", "live evil"}},
		"without its change stream": {func(w *world) {
			w.LoseStream()
			w.put(evil...)
		}, trust.Vanished, [3]string{"live evil", "live v1", "live evil"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
				w.signed()
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				step(2 * time.Second)
				w.want("a.example", "live v1")
				tt.fault(w)
				kept := func() {
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
					kept()
					step(time.Second)
				}
				w.held(tt.held)
				w.want("a.example", "stale v1")
				w.want("new.example", "unavailable")
				if s := w.m.Status(); s.Following || !s.Ready || !s.Reachable {
					w.t.Errorf("held: %+v", s)
				}
				w.count(map[string]int64{"created": 0, "updated": 0, "deleted": 0, "missing": 0, "verdicts": 1})

				w.restart() // the backup remembers where the store should be
				kept()
				w.held(tt.held)
				w.want("a.example", "disk v1")
				w.want("new.example", "unavailable")
				w.confirm()
				step(3 * time.Second)
				w.held("")
				for i, host := range []string{"a.example", "b.example", "new.example"} {
					w.want(host, tt.after[i])
				}
				w.write(simple("a", "v3"))
				step(soon)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestLaggingReplica: a store that lacks changes does not count until it has them, whatever is written to it meanwhile.
func TestLaggingReplica(t *testing.T) {
	lag := func(w *world) (whole storetest.Image) {
		w.signed()
		w.write(simple("a", "v1"))
		step(time.Millisecond)
		lagging := w.Save()
		w.start()
		w.write(simple("a", "v2"), simple("b", "v1"))
		step(soon)
		w.want("a.example", "live v2")
		whole = w.Save()
		w.Restore(lagging)
		step(35 * time.Second)
		w.held(trust.Regressed)
		w.want("a.example", "stale v2")
		w.want("b.example", "stale v1")
		w.count(map[string]int64{"verdicts": 1})
		w.write(simple("c", "v1")) // the replica is the store now, and its writers write on
		for range 40 {
			step(time.Second)
			w.want("a.example", "stale v2")
			w.want("b.example", "stale v1")
		}
		w.held(trust.Regressed)
		w.want("c.example", "unavailable")
		return whole
	}
	t.Run("until it catches up", func(t *testing.T) {
		scene(t, replica.Options{}, func(w *world) {
			w.Restore(lag(w))
			step(15 * time.Second)
			w.held("")
			w.want("a.example", "live v2")
			w.want("b.example", "live v1")
			w.want("c.example", "unknown")
		})
	})
	t.Run("until what was lost is written again", func(t *testing.T) {
		scene(t, replica.Options{}, func(w *world) {
			lag(w)
			w.write(simple("a", "v3"), simple("b", "v2"))
			step(15 * time.Second)
			w.held("")
			w.want("a.example", "live v3")
			w.want("b.example", "live v2")
			w.want("c.example", "live v1")
		})
	})
	t.Run("until an operator confirms it", func(t *testing.T) {
		scene(t, replica.Options{}, func(w *world) {
			lag(w)
			w.confirm()
			step(3 * time.Second)
			w.held("")
			w.want("a.example", "live v1")
			w.want("b.example", "unknown")
			w.want("c.example", "live v1")
		})
	})
}

// TestOlderDumpIsWritten: an older dump is restored and somebody writes another document. Without revisions nobody can
// tell what is old in it, so what was withdrawn since does not come back, neither over a connection that lives nor over
// a restart of the replica.
func TestOlderDumpIsWritten(t *testing.T) {
	for _, how := range []string{"alive", "disconnected", "replica restarted", "replica restarted later"} {
		t.Run(how, func(t *testing.T) {
			scene(t, replica.Options{BackupInterval: time.Second, ResyncInterval: time.Minute}, func(w *world) {
				w.signed()
				w.write(simple("a", "withdrawn"), simple("b", "v1"), simple("deleted", "withdrawn"))
				step(time.Millisecond)
				dump := w.Save()
				w.write(simple("a", "v2"))
				w.bury(simple("deleted", ""))
				w.start()
				w.want("a.example", "live v2")
				step(5 * time.Second) // the backup has it
				switch how {
				case "disconnected":
					w.Fail(errGone)
					step(time.Second)
				case "replica restarted":
					w.crash()
				}
				w.Restore(dump)
				w.write(simple("b", "v3"))
				w.Fail(nil)
				switch how {
				case "replica restarted":
					w.start()
				case "replica restarted later":
					step(2 * time.Second)
					w.restart()
				}
				for range 300 {
					step(time.Second)
					for _, host := range []string{"a.example", "/a", "deleted.example", "/deleted"} {
						if v := w.look(host); allows(v, "withdrawn") {
							w.t.Fatalf("the withdrawn origin came back: %s is %s", host, v.Freshness)
						}
					}
				}
				w.held(trust.Regressed)
				if v := w.look("a.example"); !allows(v, "v2") || v.Freshness != tenant.Stale && v.Freshness != tenant.Disk {
					w.t.Errorf("a.example is %s", v.Freshness)
				}
				w.restart()
				step(5 * time.Second)
				w.held(trust.Regressed)
				w.want("a.example", "disk v2")
			})
		})
	}
}

// TestOlderDumpWithRevisions: revisions tell what is old, so the rest of the store counts again by itself.
func TestOlderDumpWithRevisions(t *testing.T) {
	at := func(id, text string, revision int) doc {
		d := simple(id, text)
		d.revision = revision
		return d
	}
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarted %v", restarted), func(t *testing.T) {
			scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
				w.signed()
				w.write(at("a", "withdrawn", 1), at("b", "v1", 2), at("c", "v1", 3))
				step(time.Millisecond)
				dump := w.Save()
				w.write(at("a", "v2", 4))
				w.start()
				w.want("a.example", "live v2")
				step(5 * time.Second)
				if restarted {
					w.crash()
				}
				w.Restore(dump)
				w.write(at("b", "v3", 5))
				if restarted {
					w.start()
				}
				step(15 * time.Second)
				w.held("")
				w.want("b.example", "live v3")
				w.want("c.example", "live v1")
				w.want("a.example", "live v2")
				w.count(map[string]int64{"older": 1})
				step(31 * time.Second)
				w.want("b.example", "live v3")
				w.want("a.example", "stale v2") // the store does not confirm it
				w.write(at("a", "v6", 6))
				step(soon)
				w.want("a.example", "live v6")
			})
		})
	}
}

// TestRevisionsDoNotGoBack: an older revision in a store that is where it should be grows stale.
func TestRevisionsDoNotGoBack(t *testing.T) {
	at := func(text string, revision int) doc {
		d := simple("a", text)
		d.revision = revision
		return d
	}
	scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
		w.signed()
		w.write(at("v7", 7))
		w.start()
		w.want("a.example", "live v7")
		w.write(at("v6", 6))
		step(soon)
		w.count(map[string]int64{"older": 1})
		w.rejected("a older_revision")
		w.want("a.example", "live v7")
		step(31 * time.Second)
		w.want("a.example", "stale v7")
		w.restart()
		step(40 * time.Second)
		if v := w.look("a.example"); !allows(v, "v7") {
			w.t.Errorf("after a restart a.example is %s", v.Freshness)
		}
		w.write(at("v8", 8))
		step(soon)
		w.want("a.example", "live v8")
		w.rejected("")
		w.write(at("v1", 1))
		step(soon)
		w.want("a.example", "live v8")
		w.confirm()
		step(soon)
		w.want("a.example", "live v1")
	})
}

// TestOldBackupOfTheStore: it brings an old confirmation back, which confirms nothing.
func TestOldBackupOfTheStore(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.signed()
		w.write(simple("a", "v1"))
		w.confirm()
		step(time.Millisecond)
		old := w.Save()
		w.write(simple("a", "v2"))
		w.confirm()
		w.start()
		w.want("a.example", "live v2")
		w.Restore(old)
		step(time.Minute)
		w.held(trust.Regressed)
		w.want("a.example", "stale v2")
		w.write(simple("b", "v1"))
		step(time.Minute)
		w.held(trust.Regressed)
		w.want("a.example", "stale v2")
		w.confirm()
		step(2 * time.Second)
		w.held("")
		w.want("a.example", "live v1")
		w.want("b.example", "live v1")
	})
}

// TestConfirmedTwice: a second confirmation while the first is carried out counts, too.
func TestConfirmedTwice(t *testing.T) {
	scene(t, replica.Options{Limit: tenant.MassChangeLimit{Tenants: 5}}, func(w *world) {
		w.signed()
		docs := many(60)
		w.write(docs...)
		w.start()
		var slow atomic.Int64
		w.Late(func(c storetest.Call) {
			if c.Op == storetest.OpDocuments && slow.Add(1) == 1 {
				<-time.After(time.Second)
			}
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

// TestConfirmedDuringALastPage: the head of the last page tells of the second confirmation, that of none after it.
func TestConfirmedDuringALastPage(t *testing.T) {
	scene(t, replica.Options{Limit: tenant.MassChangeLimit{Tenants: 5}}, func(w *world) {
		w.signed()
		docs := many(300)
		w.write(docs...)
		w.start()
		var pages atomic.Int64
		w.Intercept(func(_ context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && pages.Add(1) == 2 { // one was read with the documents as they were
				w.bury(docs...)
				if _, err := w.Confirm(w.t.Context(), store.Author{By: "an operator"}); err != nil {
					return err
				}
			}
			return nil
		})
		w.confirm()
		step(5 * time.Second)
		if pages.Load() < 2 {
			w.t.Fatalf("%d pages were read", pages.Load())
		}
		w.wantAll(docs, "unknown")
	})
}

// TestMassDeletion: when more vanish at once than the limit permits none of them does, however long it takes, until an
// operator confirms it.
func TestMassDeletion(t *testing.T) {
	for _, how := range []string{"tombstones", "announced", "silent", "emptied"} {
		t.Run(how, func(t *testing.T) {
			opt := replica.Options{
				Limit: tenant.MassChangeLimit{Tenants: 5, Percent: 2}, ResyncInterval: 5 * time.Minute, AbsentAfter: 10 * time.Minute,
				BackupInterval: time.Second,
			}
			scene(t, opt, func(w *world) {
				w.signed()
				docs := many(300) // 2 % are 6
				w.write(docs...)
				w.start()
				gone, kept := docs[:100], docs[100:]
				kind := tenant.Vanished
				switch how {
				case "tombstones":
					w.together(func() { w.bury(gone...) })
				case "announced":
					w.together(func() {
						for _, d := range gone {
							w.Lose(d.id)
							w.Announce(d.id, store.KindDelete, 0)
						}
					})
				case "silent":
					for _, d := range gone {
						w.Lose(d.id)
					}
					step(23 * time.Minute) // ten minutes after the first reading of everything that misses them
				case "emptied":
					kind = tenant.Emptied
					w.together(func() {
						for _, d := range gone {
							w.write(simple(d.id, ""))
						}
					})
				}
				step(time.Second)
				heldBack := func() {
					w.t.Helper()
					if s := w.m.Status(); fmt.Sprint(s.HeldBack) != fmt.Sprint([]tenant.Why{kind}) {
						w.t.Errorf("held back: %v", s.HeldBack)
					}
					w.count(map[string]int64{string(kind): 100, "deleted": 0})
					for _, d := range gone {
						if v := w.look(d.hosts[0]); !allows(v, "v1") {
							w.t.Fatalf("%s is %s", d.id, v.Freshness)
						}
					}
					w.wantAll(kept[1:], "live v1")
				}
				heldBack()
				step(30 * time.Minute)
				heldBack()
				w.want(gone[0].hosts[0], "stale v1")
				w.write(simple(kept[0].id, "v2")) // others go on changing
				step(soon)
				w.want(kept[0].hosts[0], "live v2")

				w.restart()
				step(20 * time.Minute)
				for _, d := range gone {
					if v := w.look(d.hosts[0]); !allows(v, "v1") {
						w.t.Fatalf("after a restart %s is %s", d.id, v.Freshness)
					}
				}
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

// TestFewDeletions: as many as an operator deletes in a minute are deleted, minute by minute.
func TestFewDeletions(t *testing.T) {
	scene(t, replica.Options{Limit: tenant.MassChangeLimit{Tenants: 5}}, func(w *world) {
		docs := many(60)
		w.write(docs...)
		w.start()
		for i := 0; i+5 <= 40; i += 5 {
			w.bury(docs[i : i+5]...)
			step(61 * time.Second)
		}
		w.wantAll(docs[:40], "unknown")
		w.wantAll(docs[40:], "live v1")
		w.bury(docs[40:45]...)
		step(soon)
		w.bury(docs[45])
		step(soon)
		w.want(docs[44].hosts[0], "unknown")
		w.want(docs[45].hosts[0], "live v1") // one too many in a minute
	})
}

// TestHeadsUnderALoadOfWrites: under a load of writes the answers come in any order. That is no sign of a store that goes back.
func TestHeadsUnderALoadOfWrites(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.signed()
		docs := many(400)
		w.write(docs...)
		w.start()
		var n atomic.Int64
		w.Late(func(storetest.Call) { <-time.After(time.Duration(n.Add(7)%40) * time.Millisecond) })
		for _, d := range docs {
			w.write(simple(d.id, "v2"))
			step(2 * time.Millisecond)
		}
		step(2 * time.Second)
		w.count(map[string]int64{"verdicts": 0, "resyncs": 1})
		w.wantAll(docs, "live v2")

		w.Fail(errGone)
		step(time.Second)
		w.Trim(0)
		w.Fail(nil)
		for range 1000 { // everything is read, several pages at once
			w.write(simple("busy", "v1"))
			step(2 * time.Millisecond)
		}
		step(5 * time.Second)
		w.count(map[string]int64{"verdicts": 0})
		w.wantAll(docs, "live v2")
		w.want("busy.example", "live v1")
	})
}

// TestConfirmationOfAnotherRegistry: an operator has confirmed it long ago, which says nothing about this one.
func TestConfirmationOfAnotherRegistry(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.SetEpoch("f")
		w.write(simple("a", "evil"))
		w.confirm()
		step(time.Millisecond)
		other := w.Save()
		w.Flush()
		w.signed()
		w.write(simple("a", "v1"))
		w.start()
		w.want("a.example", "live v1")
		w.Restore(other)
		w.write(simple("a", "evil"))
		step(time.Minute)
		w.held(trust.Epoch)
		w.want("a.example", "stale v1")
		w.restart()
		w.held(trust.Epoch)
		w.crash()
		w.confirm() // also while no replica is there to see it
		step(time.Minute)
		w.start()
		w.held("")
		w.want("a.example", "live evil")
	})
}

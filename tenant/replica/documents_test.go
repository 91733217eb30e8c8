package replica_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/trust"
)

// TestKeepsTheLastGoodDocument is rule 74: what cannot be used changes nothing for its tenant, neither at once nor after
// a reading of everything or a restart, and nothing for the others.
func TestKeepsTheLastGoodDocument(t *testing.T) {
	good := simple("a", "v2")
	put := func(data string) func(w *world) {
		return func(w *world) { w.Put("a", []byte(data), "a.example") }
	}
	tests := map[string]func(w *world){
		"truncated":          put(string(good.bytes()[:30])),
		"empty":              put(" "),
		"no JSON":            put("hello"),
		"invalid UTF-8":      put(strings.Replace(string(good.bytes()), "v2", "v\xff", 1)),
		"two documents":      put(string(good.bytes()) + "\n---\n" + string(good.bytes())),
		"unknown field":      put(`{"id":"a","hosts":["a.example"],"polices":{}}`),
		"broken policy":      put(`{"id":"a","hosts":["a.example"],"policy":{"origins":["no origin"]}}`),
		"another's document": put(string(simple("b", "v2").bytes())),
		"wrong type":         func(w *world) { w.Spoil("a", store.ErrWrongType) },
		"too large":          put(string(good.bytes()) + strings.Repeat(" ", document.MaxDocumentBytes)),
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, replica.Options{ResyncInterval: time.Minute, BackupInterval: time.Second}, func(w *world) {
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				spoil(w)
				w.Announce("a", store.KindApply, 0)
				step(2 * time.Second)
				good := func() {
					w.t.Helper()
					w.want("a.example", "live v1")
					w.want("b.example", "live v1")
					w.rejected("a invalid")
				}
				good()
				w.count(map[string]int64{"invalid": 1, "updated": 0})
				step(2 * time.Minute) // read again
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
				w.rejected("")
				w.write(simple("a", "v3"))
				step(soon)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestNeverReadable: a tenant without any good document has closed answers, and keeps its hosts, also over a restart
// without the store.
func TestNeverReadable(t *testing.T) {
	scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.Put("a", []byte(`{"id":"a","hosts":["a.example"],"policy":{"origins":["no origin"]}}`), "a.example")
		w.Announce("a", store.KindApply, 0)
		w.start()
		w.want("a.example", "unreadable")
		w.want("b.example", "live all")
		w.rejected("a invalid")
		step(2 * time.Second)
		w.crash()
		w.Fail(errGone)
		w.start()
		w.want("a.example", "unreadable")
		w.want("b.example", "disk all")
		w.Fail(nil)
		w.write(simple("a", "v1"))
		step(6 * time.Second)
		w.want("a.example", "live v1")
		w.rejected("")
	})
}

// TestNewerSchema: a layout from the future is not read at all.
func TestNewerSchema(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.schema.Store(2)
		w.write(simple("a", "v2"))
		step(31 * time.Second)
		w.held(trust.Schema)
		w.want("a.example", "stale v1")
		w.schema.Store(1)
		step(3 * time.Second)
		w.held("")
		w.want("a.example", "live v2")
	})
}

// TestAbsenceIsNoDeletion: a document that is not there any more, without a word, is kept until it has been missing for
// some time, and comes back as if nothing had been.
func TestAbsenceIsNoDeletion(t *testing.T) {
	opt := replica.Options{ResyncInterval: 2 * time.Minute, AbsentAfter: 5 * time.Minute}
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
		step(4 * time.Minute)
		w.want("b.example", "stale v1")
		w.want("a.example", "unknown")
		w.count(map[string]int64{"missing": 3, "deleted": 1})
		if s := w.m.Status(); s.Tenants != 1 {
			w.t.Errorf("%d tenants", s.Tenants)
		}
	})
}

// TestDeleted: a tombstone closes, for as long as it is there; then the tenant is unknown.
func TestDeleted(t *testing.T) {
	scene(t, replica.Options{ResyncInterval: time.Minute, BackupInterval: time.Second}, func(w *world) {
		w.write(simple("a", "v1"), doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		w.bury(simple("a", "v1"))
		step(soon)
		closed := func(when string) {
			w.t.Helper()
			if v := w.look("a.example"); v.Freshness != tenant.Unknown || v.ID() != "a" {
				w.t.Errorf("%s, a tombstone is %s of %q", when, v.Freshness, v.ID())
			}
		}
		closed("announced")
		w.want("/a", "unknown")
		step(2 * time.Second)
		w.crash()
		w.Fail(errGone)
		w.start()
		closed("from the backup")
		w.Fail(nil)
		step(6 * time.Second)

		w.Lose("a") // it expired
		step(2 * time.Minute)
		w.want("a.example", "live all")
		w.count(map[string]int64{"missing": 0, "deleted": 0})
		w.write(simple("a", "v2"))
		step(soon)
		w.want("a.example", "live v2")

		w.Lose("a") // raw, but announced
		w.Announce("a", store.KindDelete, 0)
		step(soon)
		w.want("a.example", "live all")
		w.count(map[string]int64{"missing": 0, "deleted": 1})
	})
}

// TestAllRepublished: everything is written at once, and nobody is in between.
func TestAllRepublished(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		docs := many(3000)
		w.write(docs...)
		w.start()
		w.Intercept(func(context.Context, storetest.Call) error {
			<-time.After(time.Millisecond)
			return nil
		})
		for _, d := range docs {
			w.write(simple(d.id, "v2"))
		}
		for range 100 {
			step(10 * time.Millisecond)
			for _, d := range docs[:50] {
				if v := w.look(d.hosts[0]); !allows(v, "v1") && !allows(v, "v2") {
					w.t.Fatalf("%s is %s", d.id, v.Freshness)
				}
			}
		}
		w.wantAll(docs, "live v2")
		w.count(map[string]int64{"changes": 3000, "resyncs": 1, "updated": 3000})
	})
}

// TestOneTenantThatChangesOften: a thousand changes are not a thousand reads.
func TestOneTenantThatChangesOften(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
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
			w.t.Errorf("%d reads", n)
		}
	})
}

// TestChangeDuringARead: what was read before a change does not count after it.
func TestChangeDuringARead(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
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
	})
}

// TestUnannouncedChange: what nobody announces is found when everything is read again.
func TestUnannouncedChange(t *testing.T) {
	scene(t, replica.Options{ResyncInterval: 5 * time.Minute}, func(w *world) {
		w.write(many(250)...)
		w.start()
		w.put(simple("t7", "v2"), simple("new", "v1"))
		step(4 * time.Minute)
		w.want("t7.example", "live v1")
		step(2 * time.Minute)
		w.want("t7.example", "live v2")
		w.want("new.example", "live v1")
		w.want("t8.example", "live v1")
		w.count(map[string]int64{"resyncs": 2})
	})
}

// TestDocumentsTooLargeForOneRead: when many do not fit into the time of a read, fewer are read.
func TestDocumentsTooLargeForOneRead(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		docs := many(64)
		w.write(docs...)
		w.Intercept(func(ctx context.Context, c storetest.Call) error {
			if c.Op != storetest.OpDocuments {
				return nil
			}
			select { // three fit into the time of a read
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

// TestForeignChanges: anybody may write into the stream; what is no tenant's is counted and left.
func TestForeignChanges(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.Announce("no id", store.KindApply, 0)
		w.start()
		w.Announce("", "nonsense", 0)
		w.Announce("../etc", store.KindApply, 0)
		w.put(simple("b", "v1"))
		w.Announce("b", "nonsense", 0) // the kind is for people
		step(soon)
		w.want("b.example", "live v1")
		w.count(map[string]int64{"integrity": 2, "sessions": 0})
	})
}

// TestVersionsAreRememberedForADay: a change that takes something away is told for a day.
func TestVersionsAreRememberedForADay(t *testing.T) {
	scene(t, replica.Options{Heartbeat: time.Minute}, func(w *world) {
		a, b := simple("a", "v1"), simple("b", "v1")
		w.write(a, b)
		w.start()
		regressed := func(host string) bool {
			v := w.look(host)
			res := v.Decide(&policy.Request{Method: "GET", Authority: host, Origin: origin("v1"), Now: time.Now().Unix()}, 0)
			return res.Regressed
		}
		if regressed("a.example") || regressed("b.example") {
			w.t.Error("a first version regressed")
		}
		a.text = "v2"
		w.write(a)
		step(soon)
		w.want("a.example", "live v2")
		if !regressed("a.example") || regressed("b.example") {
			w.t.Error("want a regression of the tenant that was changed, and of no other")
		}
		a.revision = 7
		w.write(a)
		w.bury(b)
		step(soon)
		if !regressed("a.example") || !regressed("b.example") {
			w.t.Error("a new revision that changes nothing ended the regression, or a deletion is none")
		}
		step(24*time.Hour + 10*time.Minute)
		if regressed("a.example") {
			w.t.Error("after a day it is told still")
		}
	})
}

// TestChangesAreCounted: created, updated, deleted.
func TestChangesAreCounted(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		changed := func(want string) {
			w.t.Helper()
			s := w.m.Stats()
			if got := fmt.Sprint(s.Created, s.Updated, s.Deleted); got != want {
				w.t.Errorf("created, updated and deleted: %s, want %s", got, want)
			}
		}
		a, b := simple("a", "v1"), simple("b", "v1")
		w.write(a, b)
		w.start()
		changed("0 0 0") // what is read at the start is no change
		w.write(simple("c", "v1"))
		w.write(simple("a", "v2"))
		step(soon)
		changed("1 1 0")
		w.write(simple("a", "v2")) // nothing new
		w.put(simple("d", "v1"))   // unannounced
		step(20 * time.Minute)
		changed("2 1 0")
		w.bury(b)
		step(soon)
		changed("2 1 1")
		w.Lose("b") // the tombstone goes, which changes nothing any more
		w.Announce("b", store.KindDelete, 0)
		step(soon)
		changed("2 1 1")
		w.write(b)
		step(soon)
		changed("3 1 1")
		w.Lose("c")
		w.Announce("c", store.KindDelete, 0)
		step(soon)
		changed("3 1 2")
	})
}

// TestRejectionsAreCountedByWhy and told with the survey.
func TestRejectionsAreCountedByWhy(t *testing.T) {
	scene(t, replica.Options{}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"), simple("c", "v1"))
		w.start()
		w.Put("a", []byte(`{"id":"a"}`))
		w.Announce("a", store.KindApply, 0)
		w.Spoil("b", errGone)
		w.Announce("b", store.KindApply, 0)
		step(soon)
		w.write(doc{id: "d", text: "v1", hosts: []string{"d.example", "c.example"}})
		step(soon)
		w.rejected("a invalid, b invalid, d host_conflict")
		w.count(map[string]int64{"invalid": 2, "conflicts": 1})
		w.want("c.example", "live v1")
		if id := w.owner("c.example"); id != "c" {
			w.t.Errorf("c.example is %q's", id)
		}
	})
}

// TestMaxBytes: documents for which there is no memory are closed, the large ones first, and the small ones go on.
func TestMaxBytes(t *testing.T) {
	scene(t, replica.Options{MaxBytes: 100_000}, func(w *world) {
		docs := many(100)
		w.write(docs...)
		large := append(simple("large", "v1").bytes(), strings.Repeat(" ", 99_000)...)
		w.Put("large", large, "large.example")
		w.Announce("large", store.KindApply, 0)
		w.start()
		w.wantAll(docs, "live v1")
		w.want("large.example", "unreadable")
		w.rejected("large over_budget")
		w.write(simple("large", "v2"))
		step(soon)
		w.want("large.example", "live v2")
		w.rejected("")
	})
}

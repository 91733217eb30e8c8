package ondemand_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/tenanttest"
	"github.com/corsgate/corsgate/tenant/trust"
)

// TestStoreThatIsNotWhereItShouldBe: whatever the store became, what is in memory decides and grows stale, and
// nothing of what the store says meanwhile counts, until it is back or confirmed.
func TestStoreThatIsNotWhereItShouldBe(t *testing.T) {
	evil := []doc{simple("a", "evil"), simple("new", "evil")}
	tests := map[string]struct {
		fault   func(w *world)
		verdict trust.Verdict
		after   string // what a is when it was confirmed
	}{
		"flushed": {verdict: trust.Vanished, fault: func(w *world) { w.Flush() }, after: "unknown"},
		"flushed and written anew": {verdict: trust.Epoch, after: "live evil", fault: func(w *world) {
			w.Flush()
			w.SetEpoch("f")
			w.write(evil...)
		}},
		"flushed and written anew by others": {verdict: trust.Epoch, after: "live evil", fault: func(w *world) {
			w.Flush()
			w.write(evil...)
		}},
		"another registry": {verdict: trust.Epoch, after: "live evil", fault: func(w *world) {
			w.SetEpoch("f")
			w.write(evil...)
		}},
		"without its change stream": {verdict: trust.Vanished, after: "live evil", fault: func(w *world) {
			w.LoseStream()
			w.put(evil...)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
				w.signed()
				w.write(simple("a", "v1"), simple("b", "v1"))
				w.start()
				w.want("a.example", "live v1")
				w.want("/b", "live v1")
				step(2 * time.Second)
				tt.fault(w)
				for range 120 {
					for name, text := range map[string]string{"a.example": "v1", "/b": "v1"} {
						if v := w.look(name); !allows(v, text) || allows(v, "evil") {
							w.t.Fatalf("%s is %s", name, v.Freshness)
						}
					}
					if v := w.look("new.example"); v.Freshness != tenant.Unavailable && v.Freshness != tenant.Unknown {
						w.t.Fatalf("a new tenant is %s", v.Freshness)
					}
					step(time.Second)
				}
				w.verdict(tt.verdict)
				w.want("a.example", "stale v1")
				w.want("new.example", "unavailable")
				if s := w.m.Status(); s.Following || !s.Ready {
					w.t.Errorf("held: %+v", s)
				}
				w.confirm()
				step(3 * time.Second)
				w.look("a.example") // it is asked for again
				step(soon)
				w.verdict(trust.Trusted)
				w.want("a.example", tt.after)
				w.write(simple("a", "v3"))
				step(soon)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestLaggingReplica: a store that has lost changes counts for nothing until it has them again or is confirmed,
// however it goes on.
func TestLaggingReplica(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		lag := func(w *world) {
			w.signed()
			w.write(simple("a", "v1"))
			step(time.Millisecond)
			lagging := w.Save()
			w.start()
			w.write(simple("a", "v2"), simple("b", "v1"))
			w.want("b.example", "live v1")
			w.want("a.example", "live v2")
			step(soon)
			whole := w.Save()

			w.Restore(lagging)
			w.write(simple("c", "v1")) // the replica is the store now, and the writers write on
			for range 40 {
				w.look("a.example")
				step(time.Second)
			}
			w.verdict(trust.Regressed)
			w.want("a.example", "stale v2")
			w.want("b.example", "stale v1")
			w.want("c.example", "unavailable")
			if confirmed {
				w.confirm()
			} else {
				w.Restore(whole)
			}
			step(2 * time.Second)
			w.verdict(trust.Trusted)
			w.look("a.example")
			w.look("b.example")
			step(soon)
			w.want("a.example", map[bool]string{false: "live v2", true: "live v1"}[confirmed])
			w.want("b.example", map[bool]string{false: "live v1", true: "unknown"}[confirmed])
			w.want("c.example", map[bool]string{false: "unknown", true: "live v1"}[confirmed])
		}
		t.Run(map[bool]string{false: "it was only a reader", true: "confirmed"}[confirmed], func(t *testing.T) {
			scene(t, ondemand.Options{}, lag)
		})
	}
}

// TestRevisionsDoNotGoBack: an older revision in a store that is where it should be is not believed, and what is in
// force is not confirmed by it.
func TestRevisionsDoNotGoBack(t *testing.T) {
	at := func(text string, revision int) doc {
		d := simple("a", text)
		d.revision = revision
		return d
	}
	scene(t, ondemand.Options{MaxStale: time.Hour}, func(w *world) {
		w.signed()
		w.write(at("v7", 7))
		w.start()
		w.want("a.example", "live v7")
		w.write(at("v6", 6))
		step(soon)
		w.want("a.example", "stale v7")
		if n := w.m.Stats().Regressed; n != 1 {
			w.t.Errorf("%d regressed", n)
		}
		for range 59 {
			step(time.Minute)
			w.want("a.example", "stale v7")
		}
		w.write(at("v8", 8))
		step(soon)
		w.want("a.example", "live v8")
		w.write(at("v1", 1))
		step(soon)
		w.want("a.example", "stale v8")
		w.confirm()
		step(soon)
		w.look("a.example")
		step(soon)
		w.want("a.example", "live v1")
	})
}

// TestHeadsThatOvertakeEachOther: under a load of writes the answers of the store arrive in any order. That is no sign
// of a store that goes back.
func TestHeadsThatOvertakeEachOther(t *testing.T) {
	scene(t, ondemand.Options{LookupBudget: time.Second, Loads: 64}, func(w *world) {
		w.signed()
		docs := many(400)
		w.write(docs...)
		w.start()
		var n atomic.Int64
		w.Late(func(storetest.Call) { <-time.After(time.Duration(n.Add(7)%40) * time.Millisecond) })
		for i := range 400 {
			w.write(simple(docs[i].id, "v2"))
			go w.look(docs[i].hosts[0])
			step(2 * time.Millisecond)
		}
		step(2 * time.Second)
		if s := w.m.Stats(); s.Verdicts != 0 || s.Doubts != 1 || s.FailedLoads != 0 {
			w.t.Errorf("counted %+v", s)
		}
		w.wantAll(docs, "live v2")
	})
}

// TestOutage: what is in memory is stale after its TTL and gone after max_stale, the tenant's or the registry's.
func TestOutage(t *testing.T) {
	scene(t, ondemand.Options{MaxStale: 2 * time.Hour}, func(w *world) {
		short := simple("short", "v1")
		short.maxStale = time.Hour
		w.write(simple("a", "v1"), short)
		w.start()
		w.want("a.example", "live v1")
		w.want("short.example", "live v1")
		w.Fail(errGone)
		step(20 * time.Second)
		w.want("a.example", "live v1")
		step(12 * time.Second)
		w.want("a.example", "stale v1")
		w.want("b.example", "unavailable")
		step(59 * time.Minute)
		w.want("a.example", "stale v1")
		w.want("short.example", "stale v1")
		step(2 * time.Minute)
		w.want("short.example", "unavailable")
		step(58 * time.Minute)
		w.want("a.example", "stale v1")
		step(2 * time.Minute)
		w.want("a.example", "unavailable")
		if s := w.m.Stats(); s.Expired != 2 {
			w.t.Errorf("%d expired", s.Expired)
		}
		if s := w.m.Status(); s.Reachable || s.Following || !s.Ready {
			w.t.Errorf("%+v", s)
		}
		w.Fail(nil)
		step(7 * time.Second)
		w.want("a.example", "live v1")
		w.want("b.example", "unknown")
	})
}

// TestFollowed: what was not used for long is live as long as no change of it was announced.
func TestFollowed(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.want("a.example", "live v1")
		step(20 * time.Hour)
		w.want("a.example", "live v1")
		w.write(simple("a", "v2"))
		step(soon)
		w.Fail(errGone)
		w.want("a.example", "live v2")
	})
}

// TestPolling: where waiting for changes fails or brings nothing, they are polled.
func TestPolling(t *testing.T) {
	for _, fault := range []string{"fails", "brings nothing"} {
		t.Run(fault, func(t *testing.T) {
			scene(t, ondemand.Options{}, func(w *world) {
				w.write(simple("a", "v1"))
				w.start()
				w.want("a.example", "live v1")
				w.deaf.Store(fault != "fails")
				w.broken.Store(fault == "fails")
				step(time.Second) // the wait that is under way
				w.write(simple("a", "v2"))
				step(6 * time.Second)
				w.want("a.example", "live v2")
				w.write(simple("a", "v3"))
				step(time.Second)
				w.want("a.example", "live v3")
			})
		})
	}
}

// TestGap: after changes were missed, hosts and tenants are asked for again as they are used.
func TestGap(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(simple("a", "v1"), doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		w.want("a.example", "live v1")
		w.want("x.example", "live all")
		w.Fail(errGone)
		step(time.Second)
		w.write(simple("a", "v2"), simple("x", "v1"))
		w.Trim(0)
		w.Fail(nil)
		step(6 * time.Second)
		w.look("a.example")
		w.look("x.example")
		step(soon)
		w.want("a.example", "live v2")
		w.want("x.example", "live v1")
	})
}

// TestAbsence is no deletion, unless it was announced or lasts.
func TestAbsence(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		docs := many(4)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		w.Lose("t1", "t2")
		w.Announce("t2", store.KindDelete, 0)
		w.bury(docs[3])
		step(soon)
		w.want("/t2", "unknown")
		w.want("/t3", "unknown")
		if v := w.look("t3.example"); v.Freshness != tenant.Unknown || v.ID() != "t3" {
			w.t.Errorf("of the tombstone there is %s of %q", v.Freshness, v.ID())
		}
		for range 60 {
			w.look("/t1")
			step(time.Second)
		}
		for range 9 {
			w.want("/t1", "stale v1")
			step(time.Minute)
		}
		step(time.Minute)
		w.look("/t1")
		step(soon)
		w.want("/t1", "unknown")
		if s := w.m.Stats(); s.Missing != 1 || s.Deleted != 3 {
			w.t.Errorf("%+v", s)
		}
	})
}

// TestSuspended: nothing that was read before the machine slept is live.
func TestSuspended(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.want("a.example", "live v1")
		w.put(simple("a", "v2"))
		step(time.Second)
		w.m.Suspended()
		step(time.Millisecond)
		w.want("a.example", "stale v1")
		step(soon)
		w.want("a.example", "live v2")
	})
}

// TestBaseline answers for what the store does not give, and only for that.
func TestBaseline(t *testing.T) {
	base := tenanttest.New(t, `{id: a, hosts: [a.example], policy: {origins: ["https://base.origin"]}}`,
		`{id: c, hosts: [c.example], policy: {origins: ["https://base.origin"]}}`)
	scene(t, ondemand.Options{Baseline: base}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		w.want("a.example", "live v1")
		w.want("c.example", "baseline base")
		w.want("b.example", "unknown")
		w.Fail(errGone)
		step(time.Hour)
		w.want("a.example", "stale v1")
		step(24 * time.Hour)
		w.want("a.example", "baseline base")
		w.want("b.example", "unavailable")
		w.Fail(nil)
		step(7 * time.Second)
		w.want("a.example", "live v1")
		w.bury(simple("a", ""))
		step(soon)
		w.want("a.example", "unknown") // deleted is deleted
	})
}

// TestEmptyStore: a store that nobody has written to is not ready, until somebody does.
func TestEmptyStore(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		w.start()
		w.want("a.example", "unavailable")
		w.verdict(trust.Empty)
		if s := w.m.Status(); s.Ready || !s.Reachable {
			w.t.Errorf("%+v", s)
		}
		w.write(simple("a", "v1"))
		step(2 * time.Second)
		w.want("a.example", "live v1")
	})
}

// TestLargeDocuments: changes that do not fit into one read in time are read a few at a time.
func TestLargeDocuments(t *testing.T) {
	scene(t, ondemand.Options{}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		w.Intercept(func(ctx context.Context, c storetest.Call) error {
			if c.Op == storetest.OpDocuments && len(c.Keys) > 10 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		for i := range docs {
			docs[i].text = "v2"
		}
		w.write(docs...)
		step(20 * time.Second)
		w.wantAll(docs, "live v2")
	})
}

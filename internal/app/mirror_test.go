package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/wallclock"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

const acmeJSON = `{"id":"acme","hosts":["api.acme.example"],"policy":{"origins":["https://app.acme.example"],"methods":["PUT"]}}`

// mirrored runs a registry over a store in memory, inside the bubble of the test, and counts how
// often it says that something changed.
func mirrored(t *testing.T, reader store.Source, m config.Mirror) (*mirrorRegistry, *atomic.Int32) {
	t.Helper()
	changes := &atomic.Int32{}
	r := &mirrorRegistry{log: slog.New(slog.DiscardHandler), require: m.RequirePolicies, changed: func() { changes.Add(1) }}
	follow(t, r, reader, m)
	return r, changes
}

// follow runs r until the test ends.
func follow(t *testing.T, r *mirrorRegistry, reader store.Source, m config.Mirror) {
	t.Helper()
	if err := r.assemble(m, reader); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// R3: nothing at all.
func TestWithoutAnyTenantItServesAfterAWhile(t *testing.T) {
	empty, gone := storetest.NewMemory(), storetest.NewMemory()
	gone.Fail(errors.New("gone"))
	for name, reader := range map[string]*storetest.Memory{"an empty store": empty, "no store": gone} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, changes := mirrored(t, reader, config.Mirror{})
				pass(policyWait - time.Second)
				if r.Ready() {
					t.Errorf("ready before %s", policyWait)
				}
				before := changes.Load()
				pass(2 * time.Second)
				if !r.Ready() || changes.Load() == before {
					t.Errorf("after %s: ready %t, and told so %t", policyWait, r.Ready(), changes.Load() > before)
				}
			})
		})
	}
}

func TestRequiredPoliciesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		r, changes := mirrored(t, s, config.Mirror{RequirePolicies: true})
		pass(time.Hour)
		if r.Ready() {
			t.Error("ready without a tenant")
		}
		before := changes.Load()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		pass(2 * time.Second)
		if !r.Ready() || changes.Load() == before {
			t.Errorf("with a tenant: ready %t, and told so %t", r.Ready(), changes.Load() > before)
		}
	})
}

// R4: a store that is lost makes nothing unready, however long.
func TestLostStoreLeavesItReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		r, _ := mirrored(t, s, config.Mirror{RequirePolicies: true, MaxStale: 5 * time.Minute})
		pass(time.Second)
		if !r.Ready() {
			t.Fatal("not ready with a primed store")
		}
		s.Fail(errors.New("gone"))
		pass(6 * time.Minute)
		if !r.Ready() {
			t.Error("not ready any more")
		}
		if d := describeMirror(r.Status(), r.clock.Status()); d.Following || d.Expired != 1 || d.ConfirmedAgo == "" {
			t.Errorf("readiness says %+v", d)
		}
	})
}

// The clock is compared with the store's, and what expires is held against it.
func TestClockIsComparedWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := mirrored(t, storetest.NewMemory(), config.Mirror{})
		pass(time.Minute)
		if s := r.clock.Status(); !s.Observed || s.Distrusted {
			t.Errorf("clock %+v, want the store observed", s)
		}
		if off := time.Until(r.Now()).Abs(); off > time.Second {
			t.Errorf("the time is %s off", off)
		}
	})
}

// R29: after a sleep of the machine nothing in memory is live until the store has confirmed it.
func TestAfterASleepNothingIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		var slept atomic.Int64
		began := time.Now()
		r := &mirrorRegistry{
			log: slog.New(slog.DiscardHandler), changed: func() {},
			source: func() (time.Time, time.Duration) {
				return time.Now().Round(0), time.Since(began) - time.Duration(slept.Load())
			},
		}
		follow(t, r, s, config.Mirror{TTL: time.Minute})
		acme := tenant.Key{Authority: "api.acme.example", Path: "/"}
		pass(2 * time.Minute)
		s.Fail(errors.New("gone"))
		pass(2 * time.Second)
		if got := r.Lookup(t.Context(), acme).Freshness; got != tenant.Live {
			t.Fatalf("before the sleep the tenant is %v", got)
		}
		slept.Store(int64(90 * time.Second))
		pass(2 * time.Second)
		if got := r.Lookup(t.Context(), acme).Freshness; got != tenant.Stale {
			t.Errorf("after the sleep the tenant is %v", got)
		}
		s.Fail(nil)
		pass(10 * time.Second)
		if got := r.Lookup(t.Context(), acme).Freshness; got != tenant.Live {
			t.Errorf("after the store has confirmed it the tenant is %v", got)
		}
	})
}

func TestLazyReadsNothingAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		r, _ := mirrored(t, s, config.Mirror{Lazy: true})
		pass(time.Minute)
		if got := r.Status(); got.Primed || got.Tenants != 0 || !r.Ready() {
			t.Errorf("ready %t, and the status is %+v", r.Ready(), got)
		}
	})
}

func TestMirrorReadiness(t *testing.T) {
	got := describeMirror(mirror.Status{
		Following: true, Primed: true, Confirmed: 1234567 * time.Microsecond, Position: store.Position{Time: 7, Sequence: 1}, Epoch: "e",
		Pending: 2, Live: 3, Stale: 4, Disk: 5, Expired: 6, Held: "epoch", HeldBack: []string{"vanished"},
	}, wallclock.Status{Observed: true, Offset: -1500 * time.Millisecond, Distrusted: true})
	if len(got.Advice) != 2 {
		t.Errorf("advice %q, want a line for each of the two", got.Advice)
	}
	got.Advice = nil
	want := &RedisReadiness{
		Following: true, Primed: true, ConfirmedAgo: "1.235s", Position: "7-1", Epoch: "e", Pending: 2,
		Live: 3, Stale: 4, Disk: 5, Expired: 6, Held: "epoch", HeldBack: []string{"vanished"},
		ClockOffset: "-1.5s", ClockDistrusted: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := describeMirror(mirror.Status{Confirmed: -1}, wallclock.Status{}); got.ConfirmedAgo != "" || got.ClockOffset != "" || got.Advice != nil {
		t.Errorf("without a store: %+v", got)
	}
}

// Every way to be held back comes with something to do.
func TestAdvice(t *testing.T) {
	for held, want := range map[string]string{
		"empty": "tenant apply", "vanished": "tenant confirm", "epoch": "--redis-prefix", "regressed": "tenant confirm",
		"schema": "upgrade", "something new": "tenant confirm",
	} {
		if got := strings.Join(advice(mirror.Status{Held: held}), "\n"); !strings.Contains(got, want) {
			t.Errorf("held for %q: advice %q, want %q in it", held, got, want)
		}
	}
	for _, kind := range []string{"vanished", "emptied", "something new"} {
		if got := strings.Join(advice(mirror.Status{HeldBack: []string{kind}}), "\n"); !strings.Contains(got, "tenant confirm") {
			t.Errorf("%q held back: advice %q", kind, got)
		}
	}
}

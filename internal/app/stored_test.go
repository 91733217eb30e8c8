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
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/trust"
)

const acmeJSON = `{"id":"acme","hosts":["api.acme.example"],"policy":{"origins":["https://app.acme.example"],"methods":["PUT"]}}`

// followed runs a registry over a store in memory, inside the bubble of the test, and counts how
// often it says that something changed.
func followed(t *testing.T, reader store.Source, m config.Stored) (*storedRegistry, *atomic.Int32) {
	t.Helper()
	changes := &atomic.Int32{}
	r := &storedRegistry{log: slog.New(slog.DiscardHandler), require: m.RequirePolicies, changed: func() { changes.Add(1) }}
	follow(t, r, reader, m)
	return r, changes
}

// follow runs r until the test ends.
func follow(t *testing.T, r *storedRegistry, reader store.Source, m config.Stored) {
	t.Helper()
	if err := r.assemble(m, reader, "test"); err != nil {
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

// A store that is empty, or not there at all.
func TestWithoutAnyTenantItServesAfterAWhile(t *testing.T) {
	empty, gone := storetest.NewMemory(), storetest.NewMemory()
	gone.Fail(errors.New("gone"))
	for name, reader := range map[string]*storetest.Memory{"an empty store": empty, "no store": gone} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, changes := followed(t, reader, config.Stored{})
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
		r, changes := followed(t, s, config.Stored{RequirePolicies: true})
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

// A store that is lost makes nothing unready, however long.
func TestLostStoreLeavesItReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		r, _ := followed(t, s, config.Stored{RequirePolicies: true, MaxStale: 5 * time.Minute})
		pass(time.Second)
		if !r.Ready() {
			t.Fatal("not ready with a primed store")
		}
		s.Fail(errors.New("gone"))
		pass(6 * time.Minute)
		if !r.Ready() {
			t.Error("not ready any more")
		}
		status, survey := r.status(), r.survey()
		if d := describeStore(&status, &survey, r.clock.Status()); d.Following || d.Expired != 1 || d.LastContactAgo == "" {
			t.Errorf("readiness says %+v", d)
		}
	})
}

// The clock is compared with the store's, and what expires is held against it.
func TestClockIsComparedWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := followed(t, storetest.NewMemory(), config.Stored{})
		pass(time.Minute)
		if s := r.clock.Status(); !s.Observed || s.Distrusted {
			t.Errorf("clock %+v, want the store observed", s)
		}
		if off := time.Until(r.Now()).Abs(); off > time.Second {
			t.Errorf("the time is %s off", off)
		}
	})
}

// F98: after a sleep of the machine nothing in memory is live until the store has confirmed it.
func TestAfterASleepNothingIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.NewMemory()
		s.Put("acme", []byte(acmeJSON), "api.acme.example")
		s.Announce("acme", store.KindApply, 0)
		var slept atomic.Int64
		began := time.Now()
		r := &storedRegistry{
			log: slog.New(slog.DiscardHandler), changed: func() {},
			source: func() (time.Time, time.Duration) {
				return time.Now().Round(0), time.Since(began) - time.Duration(slept.Load())
			},
		}
		follow(t, r, s, config.Stored{TTL: time.Minute})
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
		r, _ := followed(t, s, config.Stored{Lazy: true})
		pass(time.Minute)
		if got := r.status(); got.Primed || got.Tenants != 0 || !r.Ready() {
			t.Errorf("ready %t, and the status is %+v", r.Ready(), got)
		}
	})
}

func TestStoredReadiness(t *testing.T) {
	got := describeStore(&storedStatus{
		Following: true, Primed: true, LastContact: 1234567 * time.Microsecond, Position: store.Position{Time: 7, Sequence: 1}, Epoch: "e",
		Verdict: trust.Epoch, HeldBack: []tenant.Why{tenant.Vanished},
	}, &tenant.Survey{
		Fresh:     map[tenant.Freshness]int{tenant.Live: 3, tenant.Stale: 4, tenant.Disk: 5, tenant.Unavailable: 6},
		Unrevised: 7,
	}, wallclock.Status{Observed: true, Offset: -1500 * time.Millisecond, Distrusted: true})
	if len(got.Advice) != 3 {
		t.Errorf("advice %q, want a line for each of the three", got.Advice)
	}
	got.Advice = nil
	want := &RedisReadiness{
		Following: true, Primed: true, LastContactAgo: "1.235s", Position: "7-1", Epoch: "e",
		Live: 3, Stale: 4, Disk: 5, Expired: 6, Distrusted: "epoch", HeldBack: []string{"vanished"}, Unrevised: 7,
		ClockOffset: "-1.5s", ClockDistrusted: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = describeStore(&storedStatus{LastContact: -1}, &tenant.Survey{}, wallclock.Status{})
	if got.LastContactAgo != "" || got.ClockOffset != "" || got.Advice != nil {
		t.Errorf("without a store: %+v", got)
	}
}

// Every way to be held back comes with something to do.
func TestAdvice(t *testing.T) {
	for verdict, want := range map[trust.Verdict]string{
		trust.Empty: "tenant apply", trust.Vanished: "tenant confirm", trust.Epoch: "--redis-prefix", trust.Regressed: "tenant confirm",
		trust.Schema: "upgrade", "something new": "tenant confirm",
	} {
		if got := strings.Join(advice(&RedisReadiness{Distrusted: string(verdict)}), "\n"); !strings.Contains(got, want) {
			t.Errorf("distrusted for %q: advice %q, want %q in it", verdict, got, want)
		}
	}
	for _, kind := range []string{"vanished", "emptied", "something new"} {
		if got := strings.Join(advice(&RedisReadiness{HeldBack: []string{kind}}), "\n"); !strings.Contains(got, "tenant confirm") {
			t.Errorf("%q held back: advice %q", kind, got)
		}
	}
}

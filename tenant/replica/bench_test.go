package replica_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// primed runs a replica of n tenants until the test ends, and waits until it has them.
func primed(tb testing.TB, n int) *replica.Replica {
	tb.Helper()
	s := storetest.NewMemory()
	for i := range n {
		d := simple(fmt.Sprintf("t%d", i), fmt.Sprintf("t%d", i))
		s.Put(d.id, d.bytes())
		s.Announce(d.id, store.KindApply, 0)
	}
	r, err := replica.New(replica.Options{Source: s})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	tb.Cleanup(func() { cancel(); <-done })
	until(tb, func() bool { return r.Status().Following })
	return r
}

var lookups = []struct {
	name string
	key  tenant.Key
	want policy.Outcome
}{
	{"host", tenant.Key{Authority: "t7.example", Path: "/v1/things"}, policy.Allowed},
	{"hint", tenant.Key{Hint: "t7", Path: "/v1/things"}, policy.Allowed},
	{"nobody", tenant.Key{Authority: "x.y.nobody.example", Path: "/"}, policy.Denied},
}

// BenchmarkLookup is what a request costs.
func BenchmarkLookup(b *testing.B) {
	r := primed(b, 1000)
	for _, bb := range lookups {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			req := policy.Request{Method: "GET", Authority: bb.key.Authority, Origin: origin("t7")}
			for b.Loop() {
				v := r.Lookup(b.Context(), bb.key)
				if res := v.Decide(&req, policy.UnknownRefuse); res.Outcome != bb.want {
					b.Fatal(res.Outcome)
				}
			}
		})
	}
}

// TestLookupsDoNotAllocate: not for anybody's tenant.
func TestLookupsDoNotAllocate(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	r := primed(t, 1000)
	for _, tt := range lookups {
		n := testing.AllocsPerRun(1000, func() {
			if v := r.Lookup(t.Context(), tt.key); (v.Freshness == tenant.Live) != (tt.want == policy.Allowed) {
				t.Fatalf("%s is %s", tt.name, v.Freshness)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

package mirror_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// BenchmarkWarm is what a request costs whose tenant is in memory.
func BenchmarkWarm(b *testing.B) {
	s := storetest.NewMemory()
	const tenants = 1000
	ids := make([]string, tenants)
	for i := range ids {
		ids[i] = fmt.Sprintf("t%03d", i)
		d := simple(ids[i], ids[i])
		s.Put(d.id, d.bytes(), d.hosts...)
		s.Announce(d.id, store.KindApply, 0)
	}
	primed := make(chan struct{}, 1)
	m, err := mirror.New(mirror.Options{Reader: s, OnChange: func() {
		select {
		case primed <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for !m.Status().Primed {
		<-primed
	}
	for _, bb := range []struct {
		name, origin string
		want         policy.Outcome
	}{{"allowed", origin("t007"), policy.Allowed}, {"denied", "https://other.example", policy.Denied}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			key := tenant.Key{Authority: "t007.example", Path: "/v1/things"}
			r := policy.Request{Method: "GET", Authority: key.Authority, Origin: bb.origin}
			for b.Loop() {
				v := m.Lookup(ctx, key)
				if res := v.Decide(&r, policy.UnknownRefuse); res.Outcome != bb.want {
					b.Fatal(res.Outcome)
				}
			}
		})
	}
}

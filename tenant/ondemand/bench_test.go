package ondemand_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/store"
)

// endless is a store of any number of tenants, each with the host "<id>.example", which takes no memory.
type endless struct{ reads *atomic.Int64 }

func (endless) Head(context.Context) (store.Head, error) {
	at := store.Position{Time: 1}
	return store.Head{Epoch: "e", Schema: 1, Exists: true, First: at, Last: at}, nil
}

func (endless) IDs(context.Context, func([]string) error) error { return nil }

func (s endless) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	s.reads.Add(1)
	head, err := s.Head(ctx)
	got := store.Documents{Head: head}
	for _, id := range ids {
		got.All = append(got.All, store.Document{ID: id, Data: simple(id, "v1").bytes()})
	}
	return got, err
}

func (s endless) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	head, err := s.Head(ctx)
	ids := make([]string, len(hosts))
	ids[0] = strings.TrimSuffix(hosts[0], ".example")
	return store.Owners{Head: head, IDs: ids}, err
}

func (endless) Changes(ctx context.Context, _ store.Position, _ int, wait time.Duration) ([]store.Change, error) {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return nil, ctx.Err()
}

func (endless) HasChange(context.Context, store.Position) (bool, error) { return true, nil }

// BenchmarkMemory asks for twice as many tenants as fit, and for half of them twice.
func BenchmarkMemory(b *testing.B) {
	r, err := ondemand.New(ondemand.Options{Source: endless{new(atomic.Int64)}, LookupBudget: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	for !r.Status().Ready {
		<-time.After(time.Millisecond)
	}
	const hot, all = 100_000, 200_000
	host := func(i int) tenant.Key { return tenant.Key{Authority: fmt.Sprintf("t%d.example", i)} }
	for b.Loop() {
		for i := range all {
			r.Lookup(ctx, host(i))
			r.Lookup(ctx, host(i%hot))
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-live")
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
	s := r.Status()
	b.ReportMetric(float64(s.Documents), "documents")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// BenchmarkLookup finds a tenant in memory.
func BenchmarkLookup(b *testing.B) {
	r, err := ondemand.New(ondemand.Options{Source: endless{new(atomic.Int64)}, LookupBudget: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	for !r.Status().Ready {
		<-time.After(time.Millisecond)
	}
	k := tenant.Key{Authority: "t1.example", Path: "/"}
	r.Lookup(ctx, k)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Lookup(ctx, k)
		}
	})
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

// deaf is a store whose changes nobody hears of: what is left is to read everything again.
type deaf struct{ store.Source }

func (d deaf) Changes(ctx context.Context, _ store.Position, _ int, wait time.Duration) ([]store.Change, error) {
	select {
	case <-time.After(wait):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// counted is a registry, and how often it has read the store.
type counted struct {
	tenant.Registry
	reads func() int64
	stop  func()
}

// flood asks for hosts that nobody has, as fast as it can.
func flood(b *bench) {
	n := b.scaled(1_000_000)
	for _, kind := range []struct {
		name string
		of   func(url string) counted
	}{
		{"whole registry", func(url string) counted {
			r, stop := b.replicaOf(url, nil)
			return counted{r, func() int64 { return r.Stats().Reads }, stop}
		}},
		{"on demand", func(url string) counted {
			r, stop := b.onDemandOf(url)
			return counted{r, func() int64 { return r.Stats().Reads }, stop}
		}},
	} {
		name := kind.name
		s := redistest.Start(b.tb, redistest.Options{})
		b.fill(s, 1000)
		r := kind.of(s.URL())
		for i := range 1000 {
			ask(r, tenantHost(i))
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		reads := r.reads()
		began := time.Now()
		bad := 0
		for i := range n {
			r.Lookup(context.Background(), tenant.Key{Authority: fmt.Sprintf("h%d.random.example", i), Path: "/"})
			if i%16 == 0 {
				known := i / 16 % 1000
				v := r.Lookup(context.Background(), tenant.Key{Authority: tenantHost(known), Path: "/"})
				if !allows(&v, tenantHost(known), listed(known)) {
					bad++
				}
			}
			if i%1000 == 0 {
				time.Sleep(10 * time.Millisecond) // 5 to 100 thousand a second
			}
		}
		took := time.Since(began).Seconds()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.report(name+": unknown hosts a second, thousands", float64(n)/took/1000, "", -1)
		b.report(name+": store calls a second", float64(r.reads()-reads)/took, "", 200)
		b.report(name+": heap growth", float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MB", 32)
		b.report(name+": known tenants affected", float64(bad), "", 0)
		r.stop()
	}
}

// writers compete for a few tenants.
func writers(b *bench) {
	const editors, tenants = 50, 5
	attempts := b.scaled(200)
	s := redistest.Start(b.tb, redistest.Options{})
	var w store.Writer = b.open(s.URL())
	var committed, conflicts atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for editor := range editors {
		all.Go(func() {
			for attempt := range attempts {
				id := tenantID((editor + attempt) % tenants)
				got, err := w.Documents(b.ctx, []string{id})
				for err != nil && b.ctx.Err() == nil { // reading late is no attempt
					got, err = w.Documents(b.ctx, []string{id})
				}
				base := int64(0)
				if data := got.All[0].Data; data != nil {
					base = tenantdoc.ParseStored(id, data).Record.Revision()
				}
				edit := store.Edit{ID: id, Base: base, Tenant: &tenantv1.Tenant{Id: id, Policy: &tenantv1.Policy{
					Origins: []string{fmt.Sprintf("https://e%d-%d.example", editor, attempt)},
				}}}
				_, err = w.Apply(b.ctx, []store.Edit{edit}, store.Author{By: "bench", Kind: store.KindApply})
				var conflict store.Conflicts
				switch {
				case err == nil:
					committed.Add(1)
				case errors.As(err, &conflict):
					conflicts.Add(1)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	var stored, kept, gaps int64
	for i := range tenants {
		got, err := w.Documents(b.ctx, []string{tenantID(i)})
		b.check(err, "reading back")
		last := tenantdoc.ParseStored(tenantID(i), got.All[0].Data).Record.Revision()
		stored += last
		history, err := w.History(b.ctx, tenantID(i), 100)
		b.check(err, "reading the history")
		kept += int64(len(history))
		for j := range history {
			if history[j].Number != last-int64(j) {
				gaps++
			}
		}
	}
	b.report("attempts", float64(editors*attempts), "", -1)
	b.report("committed", float64(committed.Load()), "", -1)
	b.report("refused as conflicts", float64(conflicts.Load()), "", -1)
	b.report("attempts without an answer", float64(int64(editors*attempts)-committed.Load()-conflicts.Load()), "", 0)
	b.report("lost updates", float64(committed.Load()-stored), "", 0)
	b.report("gaps in the histories", float64(gaps), "", 0)
	b.report("history entries kept", float64(kept), "", -1)
	b.report("commits a second", float64(committed.Load())/took.Seconds(), "", -1)
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
)

// counting is a store that counts what it is asked, by kind.
type counting struct {
	store.Source
	heads, documents, changes, ids, others atomic.Int64
}

func (c *counting) Head(ctx context.Context) (store.Head, error) {
	c.heads.Add(1)
	return c.Source.Head(ctx)
}

func (c *counting) IDs(ctx context.Context, page func([]string) error) error {
	c.ids.Add(1)
	return c.Source.IDs(ctx, page)
}

func (c *counting) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	c.documents.Add(1)
	return c.Source.Documents(ctx, ids)
}

func (c *counting) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	c.changes.Add(1)
	return c.Source.Changes(ctx, after, limit, wait)
}

func (c *counting) HasChange(ctx context.Context, at store.Position) (bool, error) {
	c.others.Add(1)
	return c.Source.HasChange(ctx, at)
}

// idle counts the reads of a replica for which nothing changes, without lookups and with them.
func idle(b *bench) {
	n, length := b.scaled(10_000), time.Duration(b.scaled(60))*time.Second
	s := redistest.Start(b.tb, redistest.Options{})
	b.fill(s, n)
	source := &counting{}
	r, _ := b.replicaOf(s.URL(), func(o *replica.Options) { source.Source = o.Source; o.Source = source })
	for _, asked := range []bool{false, true} {
		name := "without lookups"
		if asked {
			name = "with lookups"
		}
		before := [...]int64{source.heads.Load(), source.documents.Load(), source.changes.Load(), source.ids.Load(), source.others.Load()}
		began := time.Now()
		for time.Since(began) < length && b.ctx.Err() == nil {
			if asked {
				for range 1000 {
					ask(r, tenantHost(rand.IntN(n)))
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		hours := time.Since(began).Hours()
		for i, kind := range [...]struct {
			name  string
			count *atomic.Int64
		}{{"heads", &source.heads}, {"documents", &source.documents}, {"changes", &source.changes}, {"ids", &source.ids}, {"other", &source.others}} {
			b.report(fmt.Sprintf("%s: %s an hour, but for reading all again", name, kind.name), float64(kind.count.Load()-before[i])/hours, "", -1)
		}
	}
	before := source.documents.Load()
	again, _ := b.replicaOf(s.URL(), func(o *replica.Options) {
		source.Source, o.ResyncInterval, o.Source = o.Source, time.Second, source
	})
	b.until("everything is read again", time.Minute, func() bool { return again.Stats().Resyncs > 1 })
	b.report("reads of documents to read all twice", float64(source.documents.Load()-before), "", -1)
}

// merging changes one tenant after the other in a large snapshot.
func merging(b *bench) {
	n, changes := b.scaled(100_000), b.scaled(20_000)
	records := make([]*tenant.Record, n)
	for i := range records {
		records[i] = tenantdoc.ParseStored(tenantID(i), document(i, "")).Record
	}
	snapshot := tenant.SnapshotOf(records...)
	began := time.Now()
	all := make([]time.Duration, 0, changes)
	for c := range changes {
		i := rand.IntN(n)
		update := tenant.Update{ID: tenantID(i), Record: records[i], Sum: uint64(c) + 1}
		at := time.Now()
		snapshot, _ = snapshot.Merge([]tenant.Update{update}, tenant.Rules{Now: at})
		all = append(all, time.Since(at))
	}
	b.report("merges of one change a second", float64(changes)/time.Since(began).Seconds(), "", -1)
	b.report("one merge, p50", quantile(all, 0.5), "ms", 1)
	b.report("one merge, p99", quantile(all, 0.99), "ms", 5)
	b.report("one merge, longest", quantile(all, 1), "ms", -1)
}

// stream changes tenants at a steady rate.
func stream(b *bench) {
	const rate, batch = 2000, 20
	n, length := b.scaled(100_000), b.scaled(10)
	s := redistest.Start(b.tb, redistest.Options{})
	b.fill(s, n)
	r, _ := b.replicaOf(s.URL(), nil)
	ticks := time.NewTicker(time.Second * batch / rate)
	defer ticks.Stop()
	before := r.Stats().Changes
	began := time.Now()
	var lags []time.Duration
	for round := range length * rate / batch {
		pipe := s.Admin().Pipeline()
		for range batch {
			i := rand.IntN(n)
			pipe.Set(b.ctx, prefix+"tenant:"+tenantID(i), document(i, fmt.Sprintf("https://r%d.example", round)), 0)
			pipe.Do(b.ctx, "XADD", prefix+"changes", "*", "tenant", tenantID(i), "kind", "apply")
		}
		_, err := pipe.Exec(b.ctx)
		b.check(err, "writing documents")
		if round%50 == 0 {
			want := before + int64((round+1)*batch)
			lags = append(lags, b.until("the changes are seen", time.Minute, func() bool { return r.Stats().Changes >= want }))
		}
		<-ticks.C
	}
	want := before + int64(length*rate)
	lag := b.until("the last change is seen", time.Minute, func() bool { return r.Stats().Changes >= want })
	b.report("changes a second that were written", float64(length*rate)/time.Since(began).Seconds(), "", -1)
	b.report("behind, p50", quantile(lags, 0.5), "ms", -1)
	b.report("behind, longest", quantile(append(lags, lag), 1), "ms", 1000)
}

package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// pageTimeout bounds one read of everything, which shares the processors with all others.
	pageTimeout = 2 * time.Second
	// pagePause is the pause after each page of a periodic read of everything.
	pagePause = 50 * time.Millisecond
	// pageBytes is how large a page should be at most.
	pageBytes = 4 << 20
	// primeReads is how many pages are read at once at the start.
	primeReads = 4
	// batchBytes is how much text is put in force at once.
	batchBytes = 16 << 20
)

// loaded is an update and the text that it was made of; nil when the text is that in force already.
type loaded struct {
	tenant.Update
	text []byte
}

// load reads documents and puts them in force.
func (r *Replica) load(ctx context.Context, ids []string, announced bool) error {
	var all []loaded
	size := 0
	for len(ids) > 0 {
		n := min(len(ids), r.pageSize)
		page, err := r.page(ctx, ids[:n], r.opt.ReadTimeout)
		if err != nil {
			return err
		}
		ids = ids[n:]
		for i := range page {
			page[i].Announced = announced
			size += page[i].Bytes
		}
		all = append(all, page...)
		if size > batchBytes && len(ids) > 0 {
			r.merge(ctx, all)
			all, size = nil, 0
		}
	}
	r.merge(ctx, all)
	return nil
}

// page reads documents, in one round trip unless that takes too long, and has the head that came with them judged.
func (r *Replica) page(ctx context.Context, ids []string, timeout time.Duration) ([]loaded, error) {
	got, slow, err := r.fetch(ctx, ids, timeout)
	if err != nil {
		half := len(ids) / 2
		r.pageSize = max(half, 1)
		if !slow {
			return nil, err
		}
		first, err := r.page(ctx, ids[:half], timeout)
		if err != nil {
			return nil, err
		}
		second, err := r.page(ctx, ids[half:], timeout)
		return append(first, second...), err
	}
	if err := r.accept(ctx, got.Head); err != nil {
		return nil, err
	}
	page := r.decode(got.All)
	r.pageSize = nextPageSize(r.pageSize, got.All)
	return page, nil
}

// fetch reads documents in one round trip. slow: they may be so large that fewer fit into the time.
func (r *Replica) fetch(ctx context.Context, ids []string, timeout time.Duration) (got store.Documents, slow bool, err error) {
	reading, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r.counters.reads.Add(1)
	if got, err = r.opt.Source.Documents(reading, ids); err != nil {
		r.counters.failed.Add(1)
		slow = len(ids) > 1 && reading.Err() != nil && ctx.Err() == nil
		return got, slow, fmt.Errorf("reading %d tenant documents: %w", len(ids), err)
	}
	return got, false, nil
}

// nextPageSize is how many documents are read at once after a page.
func nextPageSize(size int, page []store.Document) int {
	bytes := 1
	for i := range page {
		bytes += len(page[i].Data)
	}
	return max(1, min(2*size, maxPage, pageBytes*max(len(page), 1)/bytes))
}

// decode compiles documents, on all processors. Those that are in force already it leaves alone.
func (r *Replica) decode(all []store.Document) []loaded {
	const share = 32
	out := make([]loaded, len(all))
	current, texts := r.snapshot.Load(), r.backup != nil && (r.priming || r.backup.reads())
	var workers sync.WaitGroup
	for begin := 0; begin < len(all); begin += share {
		part := func() {
			for i := begin; i < min(begin+share, len(all)); i++ {
				out[i] = decode(&all[i], current, texts)
			}
		}
		if len(all) <= share {
			part()
			break
		}
		r.compilers <- struct{}{}
		workers.Go(func() { defer func() { <-r.compilers }(); part() })
	}
	workers.Wait()
	return out
}

func decode(d *store.Document, current *tenant.Snapshot, texts bool) loaded {
	u := loaded{Update: tenant.Update{ID: d.ID, Err: d.Err, Bytes: len(d.Data)}}
	if d.Err != nil || d.Data == nil {
		return u
	}
	u.Sum = xxhash.Sum64(d.Data)
	if in, sum := current.Document(d.ID); in != nil && sum == u.Sum {
		if texts {
			u.text = d.Data
		}
		return u
	}
	stored := document.ParseStored(d.ID, d.Data)
	u.Record, u.Err, u.text = stored.Record, stored.Problems.Err(), d.Data
	return u
}

// rules are how far the store is believed now.
func (r *Replica) rules() tenant.Rules {
	return tenant.Rules{
		Now: time.Now(), Force: r.force, AbsentAfter: r.opt.AbsentAfter, Limit: r.opt.Limit, MaxBytes: r.opt.MaxBytes,
	}
}

func updatesOf(all []loaded) []tenant.Update {
	updates := make([]tenant.Update, len(all))
	for i := range all {
		updates[i] = all[i].Update
	}
	return updates
}

// merge makes the next snapshot, and keeps what is new in it for the next run.
func (r *Replica) merge(ctx context.Context, all []loaded) {
	if len(all) == 0 {
		return
	}
	before := r.snapshot.Load()
	next, out := before.Merge(updatesOf(all), r.rules())
	r.snapshot.Store(next)
	r.counters.count(&out, r.primed.Load())
	if r.backup != nil {
		for i := range all {
			switch u := &all[i]; {
			case !out.InForce[i]:
				if in, sum := next.Document(u.ID); in != nil {
					r.backup.keep(u.ID, sum)
				}
			case u.text != nil:
				r.backup.put(u.ID, u.text)
			case u.Sum == 0 && u.Err == nil:
				r.backup.put(u.ID, nil)
			}
		}
	}
	r.tell(ctx, &out)
	if len(out.Rejected) > 0 || !slices.Equal(before.HeldBack(), next.HeldBack()) {
		r.opt.OnChange()
	}
}

// resync reads everything again, page by page, and takes the changes between two pages. again: the next session is to
// begin.
func (r *Replica) resync(ctx context.Context) (again bool, err error) {
	began := time.Now()
	if r.backup != nil && r.backup.incomplete() {
		r.backup.begin()
	}
	seen := make(map[string]bool)
	err = r.opt.Source.IDs(ctx, func(ids []string) error {
		for len(ids) > 0 && !again {
			n := min(len(ids), r.pageSize)
			for _, id := range ids[:n] {
				seen[id] = true
			}
			page, err := r.page(ctx, ids[:n], pageTimeout)
			if err != nil {
				return err
			}
			ids = ids[n:]
			// Since the last change the store may have become an older one that somebody writes to.
			if linked, err := r.linked(ctx); err != nil || !linked {
				again = !linked
				return cmp.Or(err, errAgain)
			}
			r.merge(ctx, page)
			if again, err = r.take(ctx, pagePause); err != nil {
				return err
			}
		}
		if again {
			return errAgain
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAgain) {
		return false, fmt.Errorf("reading the whole registry: %w", err)
	}
	if again {
		return true, nil
	}
	missing, err := r.missing(ctx, seen)
	if err != nil {
		return false, err
	}
	r.merge(ctx, missing)
	if r.backup != nil {
		r.backup.end()
	}
	r.counters.resyncs.Add(1)
	r.opt.Log.DebugContext(ctx, "the registry was read again", "tenants", r.snapshot.Load().Tenants(),
		"took", time.Since(began).Round(time.Millisecond).String())
	return false, nil
}

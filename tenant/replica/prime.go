package replica

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// prime reads everything at once, and is then where the head is.
func (r *Replica) prime(ctx context.Context, head store.Head) error {
	began := time.Now()
	r.priming = true
	defer func() { r.priming = false }()
	if r.backup != nil {
		r.backup.begin()
	}
	all, seen, large, err := r.readAll(ctx)
	if err != nil {
		return err
	}
	missing, err := r.missing(ctx, seen)
	if err != nil {
		return err
	}
	all = append(all, missing...)
	r.merge(ctx, all)
	for _, id := range large {
		if err := r.load(ctx, []string{id}, false); err != nil {
			return err
		}
	}
	r.primed.Store(true)
	r.force = false
	r.trust.Compared()
	r.counters.resyncs.Add(1)
	r.reach(head.Last)
	if r.backup != nil {
		r.backup.end()
	}
	r.opt.Log.InfoContext(ctx, "the registry was read", "tenants", r.snapshot.Load().Tenants(),
		"took", time.Since(began).Round(time.Millisecond).String())
	r.opt.OnChange()
	return nil
}

// largeBytes is from when on a document is read again after all smaller ones, if memory is bounded.
const largeBytes = 32 << 10

// readAll reads every document, several pages at once. When memory is bounded it leaves out large ones, and names
// them, the smallest first. seen has all ids.
func (r *Replica) readAll(ctx context.Context) (all []loaded, seen map[string]bool, large []string, err error) {
	var (
		mu    sync.Mutex
		heads []store.Head
		since int64 // see fit
		sizes = make(map[string]int)
	)
	seen = make(map[string]bool)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(primeReads)
	size := r.pageSize
	var read func(ids []string) error
	read = func(ids []string) error {
		got, slow, err := r.fetch(reading, ids, pageTimeout)
		if slow {
			half := len(ids) / 2
			mu.Lock()
			size = half
			mu.Unlock()
			if err := read(ids[:half]); err != nil {
				return err
			}
			return read(ids[half:])
		}
		if err != nil {
			return err
		}
		small := slices.DeleteFunc(slices.Clone(got.All), func(d store.Document) bool {
			return r.opt.MaxBytes > 0 && len(d.Data) > largeBytes
		})
		page := r.decode(small)
		r.putNow(page)
		mu.Lock()
		defer mu.Unlock()
		size = nextPageSize(size, got.All)
		heads = append(heads, got.Head)
		all = append(all, page...)
		r.fit(all, page, &since)
		for i := range got.All {
			if d := &got.All[i]; r.opt.MaxBytes > 0 && len(d.Data) > largeBytes {
				sizes[d.ID] = len(d.Data)
				large = append(large, d.ID)
			}
		}
		return nil
	}
	err = r.opt.Source.IDs(reading, func(ids []string) error {
		var fresh []string
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				fresh = append(fresh, id)
			}
		}
		for len(fresh) > 0 {
			mu.Lock()
			n := min(size, len(fresh))
			mu.Unlock()
			part := fresh[:n]
			fresh = fresh[n:]
			group.Go(func() error { return read(part) })
		}
		return reading.Err()
	})
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading the whole registry: %w", err)
	}
	r.pageSize = size
	// Pages are read at the same time, so the answers come in any order.
	slices.SortFunc(heads, func(a, b store.Head) int { return a.Last.Compare(b.Last) })
	for i := range heads {
		if err := r.accept(ctx, heads[i]); err != nil {
			return nil, nil, nil, err
		}
	}
	slices.SortFunc(large, func(a, b string) int { return sizes[a] - sizes[b] })
	return all, seen, large, nil
}

// fit leaves the policies of the largest documents out, which a merge would refuse, when there is no memory for all of
// them. page was just added to all; since is the text that was added since fit last looked.
func (r *Replica) fit(all, page []loaded, since *int64) {
	for i := range page {
		*since += int64(page[i].Bytes)
	}
	left := r.opt.MaxBytes
	if left <= 0 || *since <= left/4 {
		return
	}
	*since = 0
	var readable []*loaded
	for i := range all {
		if all[i].Record != nil && all[i].Record.Readable() {
			readable = append(readable, &all[i])
		}
	}
	slices.SortFunc(readable, func(a, b *loaded) int { return cmp.Or(cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.ID, b.ID)) })
	for _, d := range readable {
		if left -= int64(d.Bytes); left < 0 {
			d.Record = tenant.NewRecord(tenant.Definition{ID: d.ID, Hosts: d.Record.Hosts(), Revision: d.Record.Revision()})
			d.Bytes = math.MaxInt32
		}
	}
}

// putNow gives the texts of a page to the backup before the page is judged and merged, since all texts together may be
// larger than there is memory for. Texts that may not come into force wait for the merge.
func (r *Replica) putNow(page []loaded) {
	if r.backup == nil {
		return
	}
	current := r.snapshot.Load()
	for i := range page {
		d := &page[i]
		if in, sum := current.Document(d.ID); d.text != nil && (in == nil || sum == d.Sum) {
			r.backup.putRead(d.ID, d.text)
			d.text = nil
		}
	}
}

// missing asks again for the documents that a reading of everything did not show.
func (r *Replica) missing(ctx context.Context, seen map[string]bool) (all []loaded, err error) {
	var ids []string
	for record := range r.snapshot.Load().All() {
		if !seen[record.ID()] {
			ids = append(ids, record.ID())
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), r.pageSize)
		page, err := r.page(ctx, ids[:n], pageTimeout)
		if err != nil {
			return nil, err
		}
		all, ids = append(all, page...), ids[n:]
	}
	return all, nil
}

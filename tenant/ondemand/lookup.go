package ondemand

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/corsgate/corsgate/tenant"
)

// Lookup implements [tenant.Registry]. A tenant that is not in memory is loaded; the caller waits for that no longer than
// [Options.LookupBudget], and until ctx ends. The load goes on for the others, with the values of ctx.
func (r *Registry) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	host, id := "", k.Hint
	switch {
	case id != "":
		if !tenant.ValidID(id) {
			return tenant.View{Freshness: tenant.Unknown}
		}
	case k.Authority == "":
		return tenant.View{Freshness: tenant.Unknown}
	default:
		var ok bool
		if host, ok = tenant.RequestHost(k.Authority); !ok {
			return tenant.View{Freshness: tenant.Ambiguous}
		}
	}
	if d := r.find(host, id); d != nil {
		return d.current.View(k.Path, r.freshness(d))
	}
	return r.wait(ctx, k, strings.Clone(host), strings.Clone(id))
}

// find returns what is in memory for a host, or for an id when host is "", or nil. What is old it has refreshed in the
// background. With a context that has ended, otter's Get does no more than that.
func (r *Registry) find(host, id string) *document {
	as := ""
	if host != "" {
		b, err := r.hosts.Get(r.ended, host, r.hostRefresher)
		if err != nil {
			return nil
		}
		id, as = b.id, b.as
	}
	d, err := r.documents.Get(r.ended, id, r.documentRefresher)
	if err != nil || as != "" && !d.has(as) {
		return nil
	}
	return d
}

// has reports whether d is the tenant of a host as documents list it. A document of which nothing could be read may
// list it.
func (d *document) has(host string) bool {
	record := d.current.Record()
	return slices.Contains(record.Hosts(), host) || !record.Readable() && !record.Deleted() && len(record.Hosts()) == 0
}

// freshness is Live or Stale.
func (r *Registry) freshness(d *document) tenant.Freshness {
	at := d.read
	if at >= r.since.Load() {
		at = max(at, r.confirmed.Load())
	}
	if d.read < r.floor.Load() || r.clock()-at > int64(r.opt.TTL) || !d.current.HeldSince().IsZero() {
		return tenant.Stale
	}
	return tenant.Live
}

// wait loads what is not in memory.
func (r *Registry) wait(ctx context.Context, k tenant.Key, host, id string) (v tenant.View) {
	waited := false
	defer func() { v.Waited = waited }()
	budget := time.NewTimer(r.opt.LookupBudget)
	defer budget.Stop()
	for {
		if failed, known := r.absent.GetIfPresent(absentKey(host, id)); known {
			if failed {
				return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unavailable)
			}
			return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unknown)
		}
		waited = true
		var err error
		switch _, known := r.hosts.GetEntryQuietly(host); {
		case host == "":
			err = await(ctx, budget.C, r.documents.Refresh(ctx, id, documentLoader{r, forStranger}))
		case known: // its tenant is not in memory, or no longer lists it
			err = await(ctx, budget.C, r.hosts.Refresh(ctx, host, hostLoader{r, forRequest}))
		default:
			err = await(ctx, budget.C, r.hosts.Refresh(ctx, host, hostLoader{r, forStranger}))
		}
		if d := r.find(host, id); d != nil {
			return d.current.View(k.Path, r.freshness(d))
		}
		switch {
		case errors.Is(err, errOverdue):
			r.counters.overdue.Add(1)
			return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unavailable)
		case errors.Is(err, otter.ErrNotFound):
			return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unknown)
		case err != nil && !errors.Is(err, errBusy):
			return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unavailable)
		}
		// It has been evicted already, or a change has overtaken the load, or it was a refresh that found no room.
	}
}

// errOverdue says that a request must not wait any longer.
var errOverdue = errors.New("the load takes longer than a request may wait")

// await waits for a load.
func await[V any](ctx context.Context, overdue <-chan time.Time, loaded <-chan otter.RefreshResult[string, V]) error {
	select {
	case result := <-loaded:
		return result.Err
	case <-overdue:
		return errOverdue
	case <-ctx.Done():
		return errOverdue
	}
}

// absentKey names a host or an id; no host has a slash.
func absentKey(host, id string) string {
	if host != "" {
		return host
	}
	return "/" + id
}

package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/corsgate/corsgate/tenant"
)

// Lookup implements [tenant.Registry]. It waits for a load under way, at most about the lookup budget.
func (m *Mirror) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	v, loaded := m.look(ctx, k)
	if loaded == nil {
		return v
	}
	began := m.clock()
	for loaded != nil {
		select {
		case <-loaded:
		case <-ctx.Done():
			return tenant.View{Freshness: tenant.Unavailable, Waited: true}
		}
		// What was loaded may have had to go again before it was looked at.
		if v, loaded = m.look(ctx, k); loaded != nil && m.clock()-began >= int64(m.opt.LookupBudget) {
			m.counters.overdue.Add(1)
			v, loaded = m.below(ctx, k, tenant.Unavailable), nil
		}
	}
	v.Waited = true
	return v
}

// look is the view of k. While its tenant is being loaded the channel is not nil; it is closed when it is worth
// looking again.
func (m *Mirror) look(ctx context.Context, k tenant.Key) (tenant.View, <-chan struct{}) {
	if k.Hint != "" {
		if h := m.index.byID(k.Hint); h != nil {
			return m.view(ctx, h, k), nil
		}
		if !tenant.ValidID(k.Hint) {
			return tenant.View{Freshness: tenant.Unknown}, nil
		}
		return m.absent(ctx, k, "", k.Hint)
	}
	if k.Authority == "" {
		return tenant.View{Freshness: tenant.Unknown}, nil
	}
	host, ok := tenant.RequestHost(k.Authority)
	if !ok {
		return tenant.View{Freshness: tenant.Ambiguous}, nil
	}
	h, old := m.index.owner(host)
	if old && !m.queue.rebind(strings.Clone(host)) {
		m.part.ask(host)
	}
	if h != nil {
		return m.view(ctx, h, k), nil
	}
	return m.absent(ctx, k, host, "")
}

// view is h as far as it may still be used.
func (m *Mirror) view(ctx context.Context, h *held, k tenant.Key) tenant.View {
	if !h.touched.Load() {
		h.touched.Store(true)
	}
	entry := h.entry.Load()
	f := m.freshness(h, entry)
	if f == tenant.Unavailable {
		m.counters.expired.Add(1)
		return m.below(ctx, k, f)
	}
	return entry.View(k.Path, f)
}

// freshness is Live, Stale or Disk, or Unavailable when the document is too old.
func (m *Mirror) freshness(h *held, entry *tenant.Entry) tenant.Freshness {
	verified, age := m.age(h)
	if age <= m.opt.TTL && verified > 0 && verified >= m.woken.Load() {
		return tenant.Live
	}
	limit, f := m.opt.MaxStale, tenant.Stale
	if verified <= 0 {
		limit, f = m.opt.MaxDiskAge, tenant.Disk
	}
	if own := entry.Record().MaxStale(); own > 0 {
		limit = min(limit, own)
	}
	if age > limit {
		return tenant.Unavailable
	}
	return f
}

// age is how long ago the store said, itself or by the follower, that h has its document.
func (m *Mirror) age(h *held) (verified int64, age time.Duration) {
	verified = h.verified.Load()
	if verified >= m.since.Load() && !h.disputed.Load() {
		verified = max(verified, m.confirmed.Load())
	}
	return verified, time.Duration(m.now.Load() - verified)
}

// below is the answer for a tenant that the copy does not give: the
// baseline's, or the closed one of f.
func (m *Mirror) below(ctx context.Context, k tenant.Key, f tenant.Freshness) tenant.View {
	if m.opt.Baseline != nil {
		v := m.opt.Baseline.Lookup(ctx, k)
		if v.Freshness == tenant.Live {
			v.Freshness = tenant.Baseline
			return v
		}
		if v.Freshness == tenant.Unreadable {
			return v
		}
	}
	return tenant.View{Freshness: f}
}

// complete reports whether a tenant that is not in the index does not exist.
func (m *Mirror) complete() bool {
	confirmed := m.confirmed.Load()
	return m.primed.Load() && confirmed != never && m.now.Load()-confirmed <= int64(m.opt.TTL)
}

// absent answers for a host or an id that the index does not know. When it
// cannot be sure it asks the store, and the request may wait for the answer.
// A whole index is sure; it still asks, in the background, for writers that announce nothing.
func (m *Mirror) absent(ctx context.Context, k tenant.Key, host, id string) (tenant.View, <-chan struct{}) {
	key := absenceKey(host, id)
	if a, ok := m.absentees.GetIfPresent(key); ok && m.now.Load() < a.until {
		if a.failed && !m.complete() {
			return m.below(ctx, k, tenant.Unavailable), nil
		}
		return m.below(ctx, k, tenant.Unknown), nil
	}
	sure := m.complete()
	f := m.fly(key, host, id)
	switch {
	case sure:
		return m.below(ctx, k, tenant.Unknown), nil
	case f == nil:
		m.counters.refused.Add(1)
		return m.below(ctx, k, tenant.Unavailable), nil
	case f.overdue():
		m.counters.overdue.Add(1)
		return m.below(ctx, k, tenant.Unavailable), nil
	default:
		return tenant.View{Freshness: tenant.Unavailable}, f.ready
	}
}

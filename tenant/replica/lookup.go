package replica

import (
	"context"
	"math"
	"time"

	"github.com/corsgate/corsgate/tenant"
)

// never is the lastContact of a store that was not heard.
const never = math.MinInt64

// Lookup implements [tenant.Registry]. It never waits.
func (r *Replica) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	v := r.snapshot.Load().Lookup(ctx, k)
	switch v.Freshness {
	case tenant.Live:
		if v.Freshness = r.freshness(v.HeldSince(), v.MaxStale()); v.Freshness != tenant.Unavailable {
			return v
		}
		r.counters.expired.Add(1)
		return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unavailable)
	case tenant.Unknown:
		if v.ID() != "" || k.Hint == "" && k.Authority == "" {
			return v // a tombstone, or nobody's
		}
		if !r.complete() {
			return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unavailable)
		}
		return tenant.BaselineView(ctx, r.opt.Baseline, k, tenant.Unknown)
	default:
		return v
	}
}

// complete reports whether a tenant that is not in the copy does not exist.
func (r *Replica) complete() bool {
	contact := r.lastContact.Load()
	return r.primed.Load() && contact != never && r.clock()-contact <= int64(r.opt.TTL) && r.isAwake()
}

// isAwake reports whether the store was heard since the machine last slept.
func (r *Replica) isAwake() bool { return r.slept.Load() == r.awake.Load() }

// freshness is Live, Stale or Disk, or Unavailable when the document is too old. It is held back since a time, or
// not, and may be used for maxStale, or as long as others.
func (r *Replica) freshness(heldSince time.Time, maxStale time.Duration) tenant.Freshness {
	contact := r.lastContact.Load()
	if contact == never {
		return tenant.Unavailable
	}
	limit, f := r.opt.MaxStale, tenant.Stale
	if contact <= 0 {
		limit, f = r.opt.MaxBackupAge, tenant.Disk
	}
	age := time.Duration(r.clock() - contact)
	if !heldSince.IsZero() {
		age = max(age, time.Since(heldSince))
	}
	if age <= r.opt.TTL && f == tenant.Stale && r.isAwake() {
		return tenant.Live
	}
	if maxStale > 0 {
		limit = min(limit, maxStale)
	}
	if age > limit {
		return tenant.Unavailable
	}
	return f
}

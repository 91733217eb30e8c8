package tenant

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Rejection is what keeps a document, or a host of it, from being in force.
type Rejection struct {
	// ID is the tenant's.
	ID  string
	Why Why
	// Detail is a sentence for people. It holds text of the document.
	Detail string
	// Since is when it was first found; zero for a host conflict.
	Since time.Time
}

// Survey counts the documents of a snapshot.
type Survey struct {
	// Dangers counts the tenants by what is dangerous about their policies.
	Dangers DangerCount
	// Fresh counts those with a policy by what age made of them.
	Fresh map[Freshness]int
	// HeldSince is the earliest time since when one is held back; zero when none is.
	HeldSince time.Time
	// Unrevised is the number of tenants whose document has no revision.
	Unrevised int
	// Rejected are all there are, by id.
	Rejected []Rejection
}

// Survey looks at every document. fresh says what a lookup gives for one that is held back since a time, zero when it
// is not, and that may be used for maxStale without having been confirmed, 0 when it does not say; nil means [Live].
func (s *Snapshot) Survey(fresh func(heldSince time.Time, maxStale time.Duration) Freshness) Survey {
	v := Survey{Fresh: make(map[Freshness]int)}
	for e := range s.entries() {
		p := e.rejected()
		if p.why != "" {
			v.Rejected = append(v.Rejected, Rejection{ID: e.record.id, Why: p.why, Detail: p.detail, Since: p.since})
		}
		since := e.heldSince()
		if !since.IsZero() && (v.HeldSince.IsZero() || since.Before(v.HeldSince)) {
			v.HeldSince = since
		}
		if !e.record.Readable() || e.record.deleted {
			continue
		}
		v.Dangers.Add(e.record.Dangers())
		if e.record.revision == 0 {
			v.Unrevised++
		}
		if fresh == nil {
			v.Fresh[Live]++
		} else {
			v.Fresh[fresh(since, e.record.maxStale)]++
		}
	}
	for _, host := range slices.Sorted(maps.Keys(s.claims)) {
		c := s.claims[host]
		for _, id := range c.living {
			if id != c.holder {
				v.Rejected = append(v.Rejected, Rejection{ID: id, Why: HostConflict, Detail: c.explain(host, id)})
			}
		}
	}
	slices.SortStableFunc(v.Rejected, func(a, b Rejection) int { return strings.Compare(a.ID, b.ID) })
	return v
}

// HeldBack lists the kinds of mass change that are held back: Vanished, Emptied.
func (s *Snapshot) HeldBack() []Why {
	var kinds []Why
	for _, kind := range [...]Why{Vanished, Emptied} {
		if s.held[kind] > 0 {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Held is the number of documents that are held back, by why.
func (s *Snapshot) Held() map[Why]int {
	held := maps.Clone(s.held)
	maps.DeleteFunc(held, func(_ Why, n int) bool { return n == 0 })
	return held
}

package mirror

import (
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant"
)

// counters are the figures of a mirror.
type counters struct {
	reads, failed, inFlight                            atomic.Int64
	applied, rejected, deleted, discarded              atomic.Int64
	regressed, integrity, missing, heldBack            atomic.Int64
	strange, invalid, unreadable                       atomic.Int64
	created, updated, removed                          atomic.Int64
	unknown, refused, overdue, expired                 atomic.Int64
	changes, sessions, resyncs, stuck, verdictsChanged atomic.Int64
	survey                                             atomic.Pointer[survey]
}

// survey counts what is in memory; made by each sweep.
type survey struct {
	live, stale, disk, aged int
	oldest                  time.Duration
	dangers                 tenant.DangerCount
}

func (s *survey) count(m *Mirror, h *held) {
	_, age := m.age(h)
	s.oldest = max(s.oldest, age)
	s.dangers.Add(tenant.Dangers(h.dangers.Load())) //nolint:gosec // it was one
	switch m.freshness(h, h.entry.Load()) {
	case tenant.Live:
		s.live++
	case tenant.Stale:
		s.stale++
	case tenant.Disk:
		s.disk++
	default:
		s.aged++
	}
}

// Stats are counts since the start, for metrics.
type Stats struct {
	// Reads of the store by this mirror, FailedLoads of them as a whole; LoadsInFlight is a gauge.
	Reads, FailedLoads, LoadsInFlight int64
	// Applied documents, Rejected ones (the last good one stayed), Deleted tenants.
	Applied, Rejected, Deleted int64
	// Invalid and Unreadable are the two kinds of the Rejected: of the latter nothing could be read.
	Invalid, Unreadable int64
	// Created, Updated and Removed tenants: the changes that were put in force, without what was
	// loaded for the first time. Saying that a tenant is deleted, or that it is gone, removes it.
	Created, Updated, Removed int64
	// HostConflicts are documents with a host that is another's or nobody's.
	HostConflicts int64
	// Discarded loads were older than an announced change and were repeated (R35).
	Discarded int64
	// Regressed documents had an older revision than the one in force (R13).
	Regressed int64
	// Integrity errors: a host whose owner does not list it, a document whose host is another's, an id that is none.
	Integrity int64
	// Missing documents were found absent without having been deleted; HeldBack were kept by the brake.
	Missing, HeldBack int64
	// Unknown keys caused a load; Refused ones were above the limit; Overdue ones took more
	// than the lookup budget.
	Unknown, Refused, Overdue int64
	// Expired lookups found a document older than max stale.
	Expired int64
	// Changes taken from the stream; Sessions of the follower that failed; Resyncs; Stuck followers.
	Changes, Sessions, Resyncs, Stuck int64
	// Verdicts is how often the guard changed its mind.
	Verdicts int64
}

// Stats returns the counts since the start.
func (m *Mirror) Stats() Stats {
	c := &m.counters
	return Stats{
		Reads: c.reads.Load(), FailedLoads: c.failed.Load(), LoadsInFlight: c.inFlight.Load(),
		Applied: c.applied.Load(), Rejected: c.rejected.Load(), Deleted: c.deleted.Load(),
		Discarded: c.discarded.Load(), Regressed: c.regressed.Load(), Integrity: c.integrity.Load(),
		Missing: c.missing.Load(), HeldBack: c.heldBack.Load(),
		Unknown: c.unknown.Load(), Refused: c.refused.Load(), Overdue: c.overdue.Load(), Expired: c.expired.Load(),
		Changes: c.changes.Load(), Sessions: c.sessions.Load(), Resyncs: c.resyncs.Load(), Stuck: c.stuck.Load(),
		Verdicts:   c.verdictsChanged.Load(),
		Invalid:    c.invalid.Load(),
		Unreadable: c.unreadable.Load(), HostConflicts: c.strange.Load(),
		Created: c.created.Load(), Updated: c.updated.Load(), Removed: c.removed.Load(),
	}
}

// countChange counts a document that is put in force in the place of another one, or of nothing.
func (m *Mirror) countChange(old, next *tenant.Record, announced bool) {
	was, is := old != nil && old.Readable(), next.Readable()
	c := &m.counters
	switch {
	case was && is:
		c.updated.Add(1)
	case was:
		c.removed.Add(1)
	case !is:
	case old != nil, m.primed.Load():
		c.created.Add(1)
	case m.part != nil && announced && next.Revision() == 1:
		c.created.Add(1)
	case m.part != nil && announced:
		c.updated.Add(1) // of a tenant that was not in memory
	}
}

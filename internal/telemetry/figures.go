package telemetry

import (
	"time"

	"go.opentelemetry.io/otel/metric"
)

// Figures are what a registry says of itself. Counts are since the start.
type Figures struct {
	// Live, Stale, Disk and Expired are the tenants in memory by how well they are known.
	Live, Stale, Disk, Expired int64
	// AnyOrigin, AnyOriginWithCredentials, InsecureOrigins and PublicSuffixes count tenants by what is
	// dangerous about their policies.
	AnyOrigin, AnyOriginWithCredentials, InsecureOrigins, PublicSuffixes int64
	// Generation is the time of the last change that was taken; zero when there was none.
	Generation time.Time
	// Oldest is the age of the least recently confirmed document; negative when there is none.
	Oldest time.Duration
	// Negative is the number of tenants that are known not to exist.
	Negative int64
	// Created, Updated and Deleted count changes that were put in force.
	Created, Updated, Deleted int64
	// Rejected counts documents that were not.
	Rejected RejectedDocuments
	// Store is about a registry that a store keeps; nil with tenants in files.
	Store *StoreFigures
}

// RejectedDocuments count documents that were not put in force, by why.
type RejectedDocuments struct {
	Invalid, OlderRevision, HostConflict, HeldBack, Missing, Unreadable, OverBudget int64
}

// StoreFigures are about a store and the copy of it.
type StoreFigures struct {
	// Up: the store answers. EpochMismatch: it is not the registry that it was. Held: a mass change waits.
	Up, EpochMismatch, Held bool
	// Regressions and Integrity are the counters of these names.
	Regressions, Integrity int64
	// Unknown, Refused, Overdue, Failed and Expired count loads.
	Unknown, Refused, Overdue, Failed, Expired int64
	// Lag is the time since no change had been missed; negative when that never was.
	Lag time.Duration
	// Resyncs is how often everything was read again.
	Resyncs int64
	// SnapshotAge is the time since the copy on disk was last written; negative without one.
	SnapshotAge time.Duration
	// ClockOffset is how far the store's clock is ahead, if ClockKnown.
	ClockOffset time.Duration
	ClockKnown  bool
	// FlushesDone and FlushesFailed count batches of last uses.
	FlushesDone, FlushesFailed int64
}

// observe shows f to a collection.
func (f *Figures) observe(o metric.Observer, m *instruments) {
	m.cells(o, "cors.tenants", f.Live, f.Stale, f.Disk, f.Expired)
	m.cells(o, "cors.policy.dangerous", f.AnyOrigin, f.AnyOriginWithCredentials, f.InsecureOrigins, f.PublicSuffixes)
	m.cells(o, "cors.policy.changes", f.Created, f.Updated, f.Deleted)
	m.cells(o, "cors.cache.entries", f.Live+f.Stale+f.Disk+f.Expired, f.Negative)
	r := &f.Rejected
	m.cells(o, "cors.policy.rejected", r.Invalid, r.OlderRevision, r.HostConflict, r.HeldBack, r.Missing, r.Unreadable, r.OverBudget)
	if !f.Generation.IsZero() {
		m.cells(o, "cors.policy.generation", f.Generation.UnixMilli())
	}
	m.duration(o, "cors.policy.oldest.age", f.Oldest)
	if f.Store != nil {
		f.Store.observe(o, m)
	}
}

func (s *StoreFigures) observe(o metric.Observer, m *instruments) {
	m.cells(o, "cors.store.up", one(s.Up))
	m.cells(o, "cors.store.epoch_mismatch", one(s.EpochMismatch))
	m.cells(o, "cors.mass_change.held", one(s.Held))
	m.cells(o, "cors.store.regressions", s.Regressions)
	m.cells(o, "cors.store.integrity_errors", s.Integrity)
	m.cells(o, "cors.store.loads", s.Unknown, s.Refused, s.Overdue, s.Failed, s.Expired)
	m.duration(o, "cors.follower.lag", s.Lag)
	m.cells(o, "cors.follower.resyncs", s.Resyncs)
	m.duration(o, "cors.snapshot.age", s.SnapshotAge)
	if s.ClockKnown {
		m.seconds(o, "cors.clock.offset", s.ClockOffset.Seconds())
	}
	m.cells(o, "cors.usage.flushes", s.FlushesDone, s.FlushesFailed)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

package redisstore

import "sync/atomic"

// Stats counts what calls do not report.
type Stats struct {
	// BreakerOpen says that the store has failed repeatedly, and is asked once a second only.
	BreakerOpen bool
	// BreakerTransitions counts openings and closings.
	BreakerTransitions uint64
	// SkippedKeys counts keys in the place of documents that are not of a valid id.
	SkippedKeys uint64
	// DroppedOwners counts hosts that belong to what is not a valid id.
	DroppedOwners uint64
	// Connections are open, for everything but waiting for changes.
	Connections int
}

type counters struct {
	skipped, dropped atomic.Uint64
}

// Stats returns the counts since the store was made.
func (s *Store) Stats() Stats {
	open, transitions := s.breaker.state()
	return Stats{
		BreakerOpen:        open,
		BreakerTransitions: transitions,
		SkippedKeys:        s.counts.skipped.Load(),
		DroppedOwners:      s.counts.dropped.Load(),
		Connections:        int(s.rdb.PoolStats().TotalConns),
	}
}

package app

import (
	"time"

	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/tenant"
)

func (f fileRegistry) figures() telemetry.Figures {
	report, stats := f.Status(), f.Stats()
	figures := telemetry.Figures{
		Live:       int64(report.Tenants),
		Generation: report.LoadedAt,
		Oldest:     -1,
		Created:    int64(stats.Changes.Created), Updated: int64(stats.Changes.Updated), Deleted: int64(stats.Changes.Deleted),
		Rejected: telemetry.RejectedDocuments{
			Invalid: int64(stats.Invalid), HostConflict: int64(stats.HostConflicts),
			Unreadable: int64(stats.Unreadable), HeldBack: int64(stats.HeldBack),
		},
	}
	setDangers(&figures, &report.Dangers)
	return figures
}

func (r *mirrorRegistry) figures() telemetry.Figures {
	status, stats := r.Status(), r.Stats()
	figures := telemetry.Figures{
		Live: int64(status.Live), Stale: int64(status.Stale), Disk: int64(status.Disk), Expired: int64(status.Expired),
		Oldest:   status.Oldest,
		Negative: int64(status.Negative),
		Created:  stats.Created, Updated: stats.Updated, Deleted: stats.Removed,
		Rejected: telemetry.RejectedDocuments{
			Invalid: stats.Invalid, OlderRevision: stats.Regressed, HostConflict: stats.HostConflicts,
			HeldBack: stats.HeldBack, Missing: stats.Missing, Unreadable: stats.Unreadable,
		},
		Store: &telemetry.StoreFigures{
			Up: status.Reachable,
			// A store in which there has never been anything is no other one.
			EpochMismatch: status.Held != "" && status.Held != "empty",
			Held:          len(status.HeldBack) > 0,
			Regressions:   stats.Regressed, Discarded: stats.Discarded, Integrity: stats.Integrity,
			Unknown: stats.Unknown, Refused: stats.Refused, Overdue: stats.Overdue, Failed: stats.FailedLoads, Expired: stats.Expired,
			Lag: status.Confirmed, Pending: int64(status.Pending), Resyncs: stats.Resyncs,
			SnapshotAge: -1,
		},
	}
	setDangers(&figures, &status.Dangers)
	if !status.Position.IsZero() {
		figures.Generation = time.UnixMilli(int64(status.Position.Time)) //nolint:gosec // a wrong time is no harm
	}
	r.storeFigures(figures.Store)
	return figures
}

// storeFigures adds what is known beside the mirror.
func (r *mirrorRegistry) storeFigures(s *telemetry.StoreFigures) {
	if r.redis != nil {
		stats := r.redis.Stats()
		s.Integrity += int64(stats.SkippedKeys) + int64(stats.DroppedOwners) //nolint:gosec // counts
	}
	if r.state != nil {
		if saved := r.state.Status().Saved.At; !saved.IsZero() {
			s.SnapshotAge = max(0, time.Since(saved))
		}
	}
	if r.usage != nil {
		s.FlushesDone, s.FlushesFailed = r.usage.Counts()
	}
	clock := r.clock.Status()
	s.ClockOffset, s.ClockKnown = clock.Offset, clock.Observed
}

func setDangers(f *telemetry.Figures, c *tenant.DangerCount) {
	f.AnyOrigin, f.AnyOriginWithCredentials = int64(c.AnyOrigin), int64(c.AnyOriginWithCredentials)
	f.InsecureOrigins, f.PublicSuffixes = int64(c.InsecureOriginsWithCredentials), int64(c.PublicSuffixWildcards)
}

package app

import (
	"time"

	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/trust"
)

func (f fileRegistry) figures() telemetry.Figures {
	report, stats := f.Status(), f.Stats()
	figures := telemetry.Figures{
		Live:       int64(report.Tenants),
		Generation: report.LoadedAt,
		Oldest:     -1,
		Created:    int64(stats.Created), Updated: int64(stats.Updated), Deleted: int64(stats.Deleted),
		Rejected: telemetry.RejectedDocuments{
			Invalid: int64(stats.Invalid), HostConflict: int64(stats.HostConflicts),
			Unreadable: int64(stats.Unreadable), HeldBack: int64(stats.HeldBack),
		},
	}
	setDangers(&figures, &report.Dangers)
	return figures
}

func (r *storedRegistry) figures() telemetry.Figures {
	status, survey := r.status(), r.survey()
	figures := telemetry.Figures{
		Live: int64(survey.Fresh[tenant.Live]), Stale: int64(survey.Fresh[tenant.Stale]),
		Disk: int64(survey.Fresh[tenant.Disk]), Expired: int64(survey.Fresh[tenant.Unavailable]),
		Oldest: oldest(&status, &survey), Negative: status.Negative,
		Created: status.Created, Updated: status.Updated, Deleted: status.Deleted,
		Rejected: telemetry.RejectedDocuments{
			Invalid: status.Rejected[tenant.Invalid], OlderRevision: status.Rejected[tenant.OlderRevision],
			HostConflict: status.Rejected[tenant.HostConflict], Missing: status.Rejected[tenant.Missing],
			HeldBack:   status.Rejected[tenant.Vanished] + status.Rejected[tenant.Emptied],
			OverBudget: status.Rejected[tenant.OverBudget],
		},
		Store: &telemetry.StoreFigures{
			Up: status.Reachable,
			// A store in which there has never been anything is no other one.
			EpochMismatch: status.Verdict != trust.Trusted && status.Verdict != trust.Empty,
			Held:          len(status.HeldBack) > 0,
			Regressions:   status.Rejected[tenant.OlderRevision], Integrity: status.Integrity,
			Unknown: status.Unknown, Refused: status.Refused, Overdue: status.Overdue, Failed: status.Failed, Expired: status.Expired,
			Lag: status.LastContact, Resyncs: status.Resyncs, SnapshotAge: -1,
		},
	}
	setDangers(&figures, &survey.Dangers)
	if !status.Position.IsZero() {
		figures.Generation = time.UnixMilli(int64(status.Position.Time)) //nolint:gosec // a wrong time is no harm
	}
	r.storeFigures(figures.Store, status.BackupAt)
	return figures
}

// oldest is the age of the tenant that the store has confirmed least recently; negative when there is none.
func oldest(s *storedStatus, v *tenant.Survey) time.Duration {
	age := s.LastContact
	if !v.HeldSince.IsZero() {
		age = max(age, time.Since(v.HeldSince))
	}
	if s.Tenants == 0 {
		return -1
	}
	return age
}

// storeFigures adds what is known beside the follower.
func (r *storedRegistry) storeFigures(s *telemetry.StoreFigures, backup time.Time) {
	if r.redis != nil {
		stats := r.redis.Stats()
		s.Integrity += int64(stats.SkippedKeys) + int64(stats.DroppedOwners) //nolint:gosec // counts
	}
	if !backup.IsZero() {
		s.SnapshotAge = max(0, time.Since(backup))
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

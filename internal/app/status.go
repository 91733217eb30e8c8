package app

import (
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// storedStatus says how well a process knows the tenants in a store, and counts since its start. Counts of what only
// one of the two followers does are 0 with the other.
type storedStatus struct {
	Ready, Primed, Reachable, Following bool
	// Tenants in memory, and Negative, what is known not to be a tenant.
	Tenants  int
	Negative int64
	// LastContact is how long ago nothing had been missed; negative when that never was.
	LastContact time.Duration
	Position    store.Position
	Epoch       string
	Verdict     trust.Verdict
	HeldBack    []tenant.Why
	BackupAt    time.Time

	Created, Updated, Deleted                  int64
	Rejected                                   map[tenant.Why]int64
	Unknown, Refused, Overdue, Failed, Expired int64
	Integrity, Resyncs                         int64
}

func (r *storedRegistry) status() storedStatus {
	if r.replica != nil {
		s, n := r.replica.Status(), r.replica.Stats()
		return storedStatus{
			Ready: s.Ready, Primed: s.Primed, Reachable: s.Reachable, Following: s.Following, Tenants: s.Tenants,
			LastContact: s.LastContact, Position: s.Position, Epoch: s.Epoch, Verdict: s.Verdict, HeldBack: s.HeldBack,
			BackupAt: s.BackupAt, Created: n.Created, Updated: n.Updated, Deleted: n.Deleted, Rejected: n.Rejected,
			Failed: n.Failed, Expired: n.Expired, Integrity: n.Integrity, Resyncs: n.Resyncs,
		}
	}
	s, n := r.ondemand.Status(), r.ondemand.Stats()
	return storedStatus{
		Ready: s.Ready, Reachable: s.Reachable, Following: s.Following, Tenants: s.Documents, Negative: int64(s.Negative),
		LastContact: s.Confirmed, Position: s.Position, Epoch: s.Epoch, Verdict: s.Verdict,
		Created: n.Created, Updated: n.Updated, Deleted: n.Deleted,
		Rejected: map[tenant.Why]int64{
			tenant.Invalid: n.Invalid + n.Unreadable, tenant.OlderRevision: n.Regressed, tenant.Missing: n.Missing,
		},
		Unknown: n.Unknown, Refused: n.Refused, Overdue: n.Overdue, Failed: n.FailedLoads, Expired: n.Expired,
		Integrity: n.Integrity, Resyncs: n.Doubts,
	}
}

// survey looks at every tenant in memory.
func (r *storedRegistry) survey() tenant.Survey {
	if r.replica != nil {
		return r.replica.Survey()
	}
	v := r.ondemand.Survey()
	return tenant.Survey{
		Dangers: v.Dangers, Rejected: v.Rejected,
		Fresh: map[tenant.Freshness]int{tenant.Live: v.Live, tenant.Stale: v.Stale},
	}
}

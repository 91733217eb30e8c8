package ondemand

import (
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// followedWithin is how old the last word of the follower may be.
const followedWithin = 3 * time.Second

// Status says what is in memory and how well the store is known.
type Status struct {
	// Ready: the store has said where it is, and was trusted.
	Ready bool
	// Documents and Hosts are about what is in memory, Negative about how many hosts and ids are known to be nobody's.
	Documents, Hosts, Negative int
	// Reachable: the store has told where it is, and has been followed since.
	Reachable bool
	// Following: no change was missed, as of the last three seconds.
	Following bool
	// Confirmed is how long ago no change had been missed; negative when it never was so.
	Confirmed time.Duration
	// Position is the last change that was taken.
	Position store.Position
	// Epoch of the store.
	Epoch string
	// Verdict says why nothing that the store says counts, or is "".
	Verdict trust.Verdict
}

// Status returns what is true now. It costs little.
func (r *Registry) Status() Status {
	standing := r.standing.Load()
	s := Status{
		Documents: r.documents.EstimatedSize(), Hosts: r.hosts.EstimatedSize(), Negative: r.absent.EstimatedSize(),
		Reachable: r.reachable.Load(), Confirmed: -1,
		Position: *r.position.Load(), Epoch: standing.trust.Epoch(), Verdict: standing.trust.Verdict(),
	}
	if confirmed := r.confirmed.Load(); confirmed != never {
		s.Ready, s.Confirmed = true, time.Duration(r.clock()-confirmed)
	}
	s.Following = r.following.Load() && s.Confirmed >= 0 && s.Confirmed <= followedWithin
	return s
}

// Survey counts the documents in memory.
type Survey struct {
	// Live and Stale are the tenants with a policy.
	Live, Stale int
	// Dangers counts them by what is dangerous about their policies.
	Dangers tenant.DangerCount
	// Oldest is how long ago the one was read that was read first; negative when there is none.
	Oldest time.Duration
	// Rejected is what the store has that is not in force, in no order.
	Rejected []tenant.Rejection
}

// Survey looks at every document in memory.
func (r *Registry) Survey() Survey {
	s := Survey{Oldest: -1}
	now := r.clock()
	for _, d := range r.documents.All() {
		if p := d.current.Rejection(); p.Why != "" {
			s.Rejected = append(s.Rejected, p)
		}
		record := d.current.Record()
		if !record.Readable() || record.Deleted() {
			continue
		}
		s.Dangers.Add(record.Dangers())
		s.Oldest = max(s.Oldest, time.Duration(now-d.read))
		if r.freshness(d) == tenant.Live {
			s.Live++
		} else {
			s.Stale++
		}
	}
	return s
}

// Stats are counts since the start, for metrics.
type Stats struct {
	// Reads of the store, and FailedLoads.
	Reads, FailedLoads int64
	// Created, Updated and Deleted tenants, of those in memory.
	Created, Updated, Deleted int64
	// Invalid and Unreadable documents did not come into force: of the latter nothing could be read. Regressed ones had
	// an older revision, Missing ones were gone and had not been deleted.
	Invalid, Unreadable, Regressed, Missing int64
	// Integrity errors: a host whose tenant does not list it, an id that is none.
	Integrity int64
	// Unknown keys were loaded; Refused ones were too many; Overdue are the requests that waited for their whole budget.
	Unknown, Refused, Overdue int64
	// Expired documents grew too old while the store could not be followed.
	Expired int64
	// Changes that were taken, Doubts in which everything had to be asked for again, Verdicts that were new.
	Changes, Doubts, Verdicts int64
}

type counters struct {
	reads, failed                           atomic.Int64
	created, updated, deleted               atomic.Int64
	invalid, unreadable, regressed, missing atomic.Int64
	integrity                               atomic.Int64
	unknown, refused, overdue, expired      atomic.Int64
	changes, doubts, verdicts               atomic.Int64
}

// count counts what an update did. Reading what was not in memory changes nothing.
func (c *counters) count(u *tenant.Update, old *document, out *tenant.Outcome) {
	if old != nil {
		c.created.Add(int64(out.Created))
		c.updated.Add(int64(out.Updated))
		c.deleted.Add(int64(out.Deleted))
	}
	for i := range out.Rejected {
		switch why := out.Rejected[i].Why; {
		case why == tenant.Invalid && u.Record == nil:
			c.unreadable.Add(1)
		case why == tenant.Invalid:
			c.invalid.Add(1)
		case why == tenant.OlderRevision:
			c.regressed.Add(1)
		case why == tenant.Missing:
			c.missing.Add(1)
		}
	}
}

// Stats returns the counts since the start.
func (r *Registry) Stats() Stats {
	c := &r.counters
	return Stats{
		Reads: c.reads.Load(), FailedLoads: c.failed.Load(),
		Created: c.created.Load(), Updated: c.updated.Load(), Deleted: c.deleted.Load(),
		Invalid: c.invalid.Load(), Unreadable: c.unreadable.Load(), Regressed: c.regressed.Load(), Missing: c.missing.Load(),
		Integrity: c.integrity.Load(),
		Unknown:   c.unknown.Load(), Refused: c.refused.Load(), Overdue: c.overdue.Load(), Expired: c.expired.Load(),
		Changes: c.changes.Load(), Doubts: c.doubts.Load(), Verdicts: c.verdicts.Load(),
	}
}

package replica

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// state is what the follower tells about itself.
type state struct {
	position  store.Position
	epoch     string
	verdict   trust.Verdict
	reachable bool
	failed    bool // the last session
	following bool
}

// set changes the state and returns what change does.
func (r *Replica) set(change func(*state) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return change(&r.state)
}

// reach notes that every change up to a position is in force.
func (r *Replica) reach(at store.Position) {
	if r.position.Before(at) {
		r.position = at
	}
	r.trust.See(at)
	r.set(func(s *state) bool { s.position = r.position; return false })
	r.mark()
}

// mark tells the backup where the copy is.
func (r *Replica) mark() {
	if r.backup != nil {
		r.backup.mark(mark{Memory: r.trust.Memory(), Position: r.position, At: time.Now(), Holders: r.snapshot.Load().Holders()})
	}
}

// contact notes that nothing was missed up to now.
func (r *Replica) contact(ctx context.Context) {
	first := r.lastContact.Swap(max(r.clock(), 1)) <= 0
	r.awake.Store(r.heard)
	again := r.set(func(s *state) bool { was := !s.following; s.following, s.failed = true, false; return was })
	r.mark()
	if first || again {
		r.opt.Log.InfoContext(ctx, "following the store", "tenants", r.snapshot.Load().Tenants(), "position", r.position.String())
		r.opt.OnChange()
	}
}

// maxTold bounds the documents of one merge that are logged one by one.
const maxTold = 20

// tell logs what is not in force.
func (r *Replica) tell(ctx context.Context, out *tenant.Outcome) {
	for i := range out.Rejected[:min(len(out.Rejected), maxTold)] {
		p := &out.Rejected[i]
		r.opt.Log.WarnContext(ctx, "a tenant document in the store is not in force", "tenant", p.ID, "why", string(p.Why), "detail", cut(p.Detail))
	}
	if more := len(out.Rejected) - maxTold; more > 0 {
		r.opt.Log.WarnContext(ctx, "more tenant documents in the store are not in force", "documents", more)
	}
}

// maxDetail bounds the text of one problem, in bytes.
const maxDetail = 512

func cut(text string) string { return text[:min(len(text), maxDetail)] }

// counters are counts since the start.
type counters struct {
	reads, failed, sessions, resyncs, verdicts atomic.Int64
	changes, integrity, stuck, expired         atomic.Int64
	created, updated, deleted                  atomic.Int64
	rejected                                   [reasonCount]atomic.Int64
}

const reasonCount = 7

// reasons are those that are counted.
func reasons() [reasonCount]tenant.Why {
	return [...]tenant.Why{
		tenant.Invalid, tenant.OlderRevision, tenant.Missing, tenant.Vanished, tenant.Emptied, tenant.OverBudget, tenant.HostConflict,
	}
}

// count adds what a merge did. What is read for the first time is no change.
func (c *counters) count(out *tenant.Outcome, primed bool) {
	if primed {
		c.created.Add(int64(out.Created))
		c.updated.Add(int64(out.Updated))
		c.deleted.Add(int64(out.Deleted))
	}
	for i := range out.Rejected {
		for n, why := range reasons() {
			if out.Rejected[i].Why == why {
				c.rejected[n].Add(1)
			}
		}
	}
}

// Stats are counts since the start, for metrics.
type Stats struct {
	// Reads of the store; Failed ones; Sessions of the follower that failed; Resyncs that read everything.
	Reads, Failed, Sessions, Resyncs int64
	// Changes taken from the stream; Integrity errors in it; how often waiting did not bring them, Stuck.
	Changes, Integrity, Stuck int64
	// Expired lookups found a document that was too old to be used.
	Expired int64
	// Verdicts is how often the store became trusted, or was not any more.
	Verdicts int64
	// Created, Updated and Deleted tenants, without those that were read for the first time.
	Created, Updated, Deleted int64
	// Rejected documents, by why.
	Rejected map[tenant.Why]int64
}

// Stats returns the counts since the start.
func (r *Replica) Stats() Stats {
	c := &r.counters
	s := Stats{
		Reads: c.reads.Load(), Failed: c.failed.Load(), Sessions: c.sessions.Load(), Resyncs: c.resyncs.Load(),
		Changes: c.changes.Load(), Integrity: c.integrity.Load(), Stuck: c.stuck.Load(),
		Expired: c.expired.Load(), Verdicts: c.verdicts.Load(),
		Created: c.created.Load(), Updated: c.updated.Load(), Deleted: c.deleted.Load(),
		Rejected: make(map[tenant.Why]int64, reasonCount),
	}
	for i, why := range reasons() {
		s.Rejected[why] = c.rejected[i].Load()
	}
	return s
}

// Status says what the copy has and how well it knows the store.
type Status struct {
	// Ready: there is something to decide by: the whole registry, or the copy of the last run.
	Ready bool
	// Primed: the copy is whole.
	Primed bool
	// Documents in memory, and Tenants, those with a policy.
	Documents, Tenants int
	// Reachable: the store has told where it is, and nothing has failed since.
	Reachable bool
	// Following: as of the last three seconds, nothing was missed. LastContact is how long ago that was known;
	// negative when it was not since the start.
	Following   bool
	LastContact time.Duration
	// Position is the last change that is in force, Epoch the name of the registry.
	Position store.Position
	Epoch    string
	// Verdict says why nothing that the store says counts, or is "".
	Verdict trust.Verdict
	// HeldBack are the kinds of mass change that wait for an operator.
	HeldBack []tenant.Why
	// BackupAt is when the backup was last written; zero when never. BackupErr says why it cannot be.
	BackupAt  time.Time
	BackupErr error
}

// followedWithin is how old the last contact may be.
const followedWithin = 3 * time.Second

// Status returns what is true now. It costs little, however many tenants there are.
func (r *Replica) Status() Status {
	r.mu.Lock()
	in := r.state
	r.mu.Unlock()
	snapshot := r.snapshot.Load()
	s := Status{
		Primed: r.primed.Load(), Documents: snapshot.Documents(), Tenants: snapshot.Tenants(),
		Reachable: in.reachable, LastContact: -1, Position: in.position, Epoch: in.epoch, Verdict: in.verdict,
		HeldBack: snapshot.HeldBack(),
	}
	if contact := r.lastContact.Load(); contact > 0 {
		s.LastContact = time.Duration(r.clock() - contact)
	}
	s.Following = s.LastContact >= 0 && s.LastContact <= followedWithin && in.verdict == trust.Trusted && r.isAwake()
	s.Ready = s.Primed
	if r.backup != nil {
		s.BackupAt, s.BackupErr = r.backup.status()
	}
	return s
}

// Survey looks at every document in memory.
func (r *Replica) Survey() tenant.Survey { return r.snapshot.Load().Survey(r.freshness) }

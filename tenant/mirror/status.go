package mirror

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// Holds reports whether a tenant is in memory: the lazy mode keeps no other on disk.
func (m *Mirror) Holds(id string) bool { return m.index.byID(id) != nil }

// Status says what the mirror has and how well it knows the store.
type Status struct {
	// Ready: there is something to decide by: the whole registry, a copy from the last run, or,
	// in the lazy mode, a store that was seen.
	Ready bool
	// Tenants in memory, tombstones included.
	Tenants int
	// Live, Stale, Disk and Expired tenants, as of the last sweep.
	Live, Stale, Disk, Expired int
	// Dangers counts them by what is dangerous about their policies, Oldest is the age of the one that the store
	// has confirmed least recently, both as of the last sweep. Oldest is negative when there is none.
	Dangers tenant.DangerCount
	Oldest  time.Duration
	// Negative is about the number of hosts and ids that are known to be nobody's.
	Negative int
	// Reachable: the store has told where it is, and nothing has failed since.
	Reachable bool
	// Primed: the whole registry was read.
	Primed bool
	// Following: the follower knows, as of the last three seconds, that it missed nothing.
	Following bool
	// Confirmed is how long ago that was; negative when it never was.
	Confirmed time.Duration
	// Position is the last change that was taken.
	Position store.Position
	// Epoch of the store.
	Epoch string
	// Held says why nothing that the store says counts, or "": "empty", "vanished",
	// "epoch", "regressed", "schema".
	Held string
	// HeldBack names the kinds of mass change that are held back: "vanished", "emptied".
	HeldBack []string
	// Pending is the number of announced changes that are not loaded.
	Pending int
	// Problems has what is wrong with stored documents, by tenant; at most a hundred.
	Problems map[string]string
}

// followedWithin is how old the last word of the follower may be.
const followedWithin = 3 * time.Second

// Status returns what is true now.
func (m *Mirror) Status() Status {
	now := m.clock()
	m.mu.Lock()
	s := Status{
		Position: m.position, Epoch: m.guard.epoch, Held: string(m.guard.verdict), Pending: len(m.announced),
	}
	if m.vanished.holding {
		s.HeldBack = append(s.HeldBack, "vanished")
	}
	if m.emptied.holding {
		s.HeldBack = append(s.HeldBack, "emptied")
	}
	m.mu.Unlock()
	s.Tenants = m.index.size()
	s.Primed = m.primed.Load()
	s.Confirmed = -1
	if confirmed := m.confirmed.Load(); confirmed != never {
		s.Confirmed = time.Duration(now - confirmed)
	}
	s.Following = s.Confirmed >= 0 && s.Confirmed <= followedWithin
	s.Ready = s.Primed || m.restored.Load() || m.part != nil && s.Confirmed >= 0
	s.Oldest = -1
	if v := m.counters.survey.Load(); v != nil {
		s.Live, s.Stale, s.Disk, s.Expired = v.live, v.stale, v.disk, v.aged
		s.Dangers = v.dangers
		if v.live+v.stale+v.disk+v.aged > 0 {
			s.Oldest = v.oldest
		}
	}
	s.Negative, s.Reachable = m.absentees.EstimatedSize(), m.reachable.Load()
	s.Problems = m.problems.list()
	return s
}

func (m *Mirror) announceVerdict(before, after verdict, head store.Head) {
	m.counters.verdictsChanged.Add(1)
	if after == admitted {
		m.opt.Log.Info("the store is where it should be", "before", string(before), "position", head.Last.String())
	} else {
		m.opt.Log.Error("the store is not where it should be; keeping what is in memory until it is, or until an operator confirms it",
			"why", string(after), "position", head.Last.String(), "epoch", head.Epoch)
	}
	m.opt.OnChange()
}

// maxProblemsKept bounds the problems that are remembered.
const maxProblemsKept = 100

// maxProblemText bounds the text of one, in bytes.
const maxProblemText = 512

// problems remembers what is wrong with stored documents.
type problems struct {
	mu   sync.Mutex
	byID map[string]string
	turn atomic.Int64 // grows with each change
}

// changes grows when there is something new.
func (p *problems) changes() int64 { return p.turn.Load() }

// add reports whether the problem is news.
func (p *problems) add(id, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = cut(text)
	before, had := p.byID[id]
	if had && before == text || !had && len(p.byID) >= maxProblemsKept {
		return false
	}
	if p.byID == nil {
		p.byID = make(map[string]string)
	}
	p.byID[id] = text
	p.turn.Add(1)
	return true
}

func (p *problems) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, had := p.byID[id]; had {
		delete(p.byID, id)
		p.turn.Add(1)
	}
}

func (p *problems) list() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.byID)
}

func cut(text string) string {
	return text[:min(len(text), maxProblemText)]
}

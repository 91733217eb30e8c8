package tenant

import (
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// Options of a snapshot.
type Options struct {
	// Attach is called once for each compiled policy, while the snapshot is built; what
	// it returns comes back as [Result.Memo] with every decision of that policy. The
	// serving side keeps encoded replies there. Default: nil, no memo.
	Attach func(*policy.Policy) any
	// Previous is the snapshot that the new one replaces: records that both hold keep
	// their memos, and what replaces a record knows it for 24 hours, for [Result.Regressed].
	// Default: nil.
	Previous *Snapshot
}

// Snapshot is a set of tenants at one moment, indexed for lookups. It is
// immutable and safe for concurrent use, and it is a [Registry].
type Snapshot struct {
	byID     map[string]*entry
	byHost   map[string]*entry
	wildcard map[string]*entry // :: base of "*.base" → tenant
	fallback *entry            // "*"
	readable int
}

// NewSnapshot indexes records. Two tenants cannot have one id or one host: the
// later record is left out and reported, naming the first owner. A record
// without a policy never takes a host or an id from one that has a policy.
func NewSnapshot(records []*Record, opt Options) (*Snapshot, []Conflict) {
	s := &Snapshot{
		byID:     make(map[string]*entry, len(records)),
		byHost:   make(map[string]*entry, len(records)),
		wildcard: make(map[string]*entry),
	}
	conflicts := Conflicts(records)
	refused := make(map[*Record]bool, len(conflicts))
	for _, c := range conflicts {
		refused[c.Later] = true
	}
	now := time.Now()
	for _, readable := range []bool{true, false} {
		for _, r := range records {
			if r.Readable() == readable && !refused[r] {
				s.add(opt.bind(r, now))
			}
		}
	}
	return s, conflicts
}

// Tenants is the number of tenants with a policy.
func (s *Snapshot) Tenants() int { return s.readable }

func (s *Snapshot) add(e *entry) {
	if e.record.Readable() {
		s.readable++
	}
	put := func(m map[string]*entry, key string) {
		if m[key] == nil {
			m[key] = e
		}
	}
	if e.record.id != "" {
		put(s.byID, e.record.id)
	}
	for _, host := range e.record.hosts {
		base, isWildcard := strings.CutPrefix(host, "*.")
		switch {
		case isWildcard:
			put(s.wildcard, base)
		case host != "*":
			put(s.byHost, host)
		case s.fallback == nil:
			s.fallback = e
		}
	}
}

// bind makes r ready to serve: with the memos that the previous snapshot had for it, or as what
// replaces the tenant's record there.
func (o *Options) bind(r *Record, now time.Time) *entry {
	var old *entry
	if o.Previous != nil {
		old = o.Previous.byID[r.id]
	}
	switch {
	case old == nil:
		return bind(r, o.Attach)
	case old.record == r:
		return old.settled(now)
	default:
		return bind(r, o.Attach).after(old, now)
	}
}

// Lookup finds the tenant of k: by the hint alone when there is one, else by
// the exact host, then the longest wildcard, then the default (rules 24–26).
// A hint that names nobody is Unknown: it never falls back to the host, since
// the operator's route said who is meant. An empty authority is nobody's,
// not even the default tenant's (rule 8). It never allocates for a canonical
// authority.
func (s *Snapshot) Lookup(k Key) View {
	if k.Hint != "" {
		return viewOf(s.byID[k.Hint], k.Path)
	}
	if k.Authority == "" {
		return View{Freshness: Unknown}
	}
	host, ok := RequestHost(k.Authority)
	if !ok {
		return View{Freshness: Ambiguous}
	}
	return viewOf(s.owner(host), k.Path)
}

// owner finds the tenant of a canonical host, or nil.
func (s *Snapshot) owner(host string) *entry {
	if e := s.byHost[host]; e != nil {
		return e
	}
	if len(s.wildcard) > 0 {
		for base := parent(host); base != ""; base = parent(base) {
			if e := s.wildcard[base]; e != nil {
				return e
			}
		}
	}
	return s.fallback
}

// parent returns host without its first label, or "".
func parent(host string) string {
	_, base, _ := strings.Cut(host, ".")
	return base
}

// Conflict is a host or an id that two records claim.
type Conflict struct {
	// First had it before Later in the order of the records.
	First, Later *Record
	// Host is its place among Later's hosts, or -1 when it is the id.
	Host int
}

// Conflicts returns, for each record that cannot stand beside those before
// it, the first reason. Records without a policy take no part.
func Conflicts(records []*Record) []Conflict {
	ids := make(map[string]*Record, len(records))
	hosts := make(map[string]*Record, len(records))
	var conflicts []Conflict
	for _, r := range records {
		if !r.Readable() {
			continue
		}
		if c, found := r.conflict(ids, hosts); found {
			conflicts = append(conflicts, c)
			continue
		}
		ids[r.id] = r
		for _, host := range r.hosts {
			hosts[host] = r
		}
	}
	return conflicts
}

func (r *Record) conflict(ids, hosts map[string]*Record) (Conflict, bool) {
	if first := ids[r.id]; first != nil {
		return Conflict{First: first, Later: r, Host: -1}, true
	}
	for i, host := range r.hosts {
		if first := hosts[host]; first != nil {
			return Conflict{First: first, Later: r, Host: i}, true
		}
	}
	return Conflict{}, false
}

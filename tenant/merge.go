package tenant

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Update is what a source, files or a store, says of one document.
type Update struct {
	// ID is the tenant's.
	ID string
	// Record is the document, compiled; a tombstone is one, too. A document with problems has one without a policy,
	// for its hosts, or none. Without a Record, Err and Sum the source has no document.
	Record *Record
	// Err is what is wrong with the document; nil when it can be used.
	Err error
	// Sum identifies the text; 0 when that is not known. An update without a Record whose Sum is that of the document
	// in force says that the source still has it.
	Sum uint64
	// Bytes is the size of the text.
	Bytes int
	// Announced: the source says that the document was deleted. Otherwise it may just have lost it.
	Announced bool
	// Partial: the text may be the beginning of a longer one, since its writer has not finished, or never will.
	Partial bool
}

// Why says why the document that a source has is not the one in force, or why a tenant lacks a host.
type Why string

// The reasons.
const (
	// Invalid: the document has problems.
	Invalid Why = "invalid"
	// OlderRevision: its revision is lower than that of the document in force.
	OlderRevision Why = "older_revision"
	// Missing: the source has no document, and nobody has said that it was deleted.
	Missing Why = "missing"
	// Vanished and Emptied: too many documents were deleted, or lost all their origins, at once.
	Vanished Why = "vanished"
	Emptied  Why = "emptied"
	// Partial: what is missing in it may not have been written yet.
	Partial Why = "partial"
	// OverBudget: there is no memory for it.
	OverBudget Why = "over_budget"
	// HostConflict: a host of the document is another tenant's, or is nobody's since two tenants list it.
	HostConflict Why = "host_conflict"
)

// heldBack reports whether w keeps the document in force against what the source says, for a time only. The source
// has confirmed the document of an invalid one's tenant to be the last good one (rule 74).
func (w Why) heldBack() bool {
	switch w {
	case OlderRevision, Missing, Vanished, Emptied, Partial:
		return true
	default:
		return false
	}
}

// Rules are how far a source is believed.
type Rules struct {
	// Now is the time of the updates.
	Now time.Time
	// Force takes what the source says also where it goes back, as an operator has confirmed.
	Force bool
	// AbsentAfter is how long a document must be missing before it counts as deleted.
	AbsentAfter time.Duration
	// Limit bounds mass changes.
	Limit MassChangeLimit
	// MaxBytes bounds the texts of all documents in force; 0 does not.
	MaxBytes int64
	// Holders says, of hosts that several documents list, who held them in an earlier run; "" is nobody.
	Holders map[string]string
}

// Outcome says what a merge did.
type Outcome struct {
	// Created, Updated and Deleted tenants. What has no policy is no tenant.
	Created, Updated, Deleted int
	// Rejected are those that are new.
	Rejected []Rejection
	// InForce tells, for each update, whether its document is in force now, or its absence.
	InForce []bool
	// Changed: other documents are in force, or hosts are somebody else's.
	Changed bool
}

// merger makes a snapshot from another one.
type merger struct {
	before *Snapshot
	s      *Snapshot
	rules  *Rules
	out    Outcome
	// changed are the documents that were put in force or removed, as they were before.
	changed map[string]*entry
	// limited are the kinds of mass change that may not happen now.
	limited map[Why]bool
}

// Merge returns the snapshot after updates, at most one for each id, and what they did. It holds every rule of keeping
// what is good:
//
//   - A document with problems leaves the last good one in force (rule 74).
//   - A lower revision does not replace a higher one.
//   - Absence is not deletion until it was announced, or has lasted for Rules.AbsentAfter.
//   - When more documents vanish, or lose all their origins, than Rules.Limit permits, none of them does.
//   - What may be the beginning of a longer text takes nothing away.
//   - A host moves only when the tenant that holds it no longer lists it, or is deleted; a host that two tenants list
//     and none held is nobody's (rule 26a).
//
// The order of updates does not matter. s stays as it is.
func (s *Snapshot) Merge(updates []Update, rules Rules) (*Snapshot, Outcome) {
	next := *s
	if next.overlay = s.overlay.clone(); s.overlay.size() == 0 {
		next.overlay = newTable(len(updates))
	}
	next.held, next.closings = maps.Clone(s.held), maps.Clone(s.closings)
	m := &merger{before: s, s: &next, rules: &rules, changed: make(map[string]*entry, len(updates))}
	m.out.InForce = make([]bool, len(updates))
	m.limit(updates)
	for _, i := range m.order(updates) {
		m.out.InForce[i] = m.apply(&updates[i])
	}
	m.bindHosts()
	next.fold()
	slices.SortFunc(m.out.Rejected, func(a, b Rejection) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Detail, b.Detail))
	})
	m.out.Changed = len(m.changed) > 0
	return &next, m.out
}

// order is that in which updates are applied: the smaller documents first when there is not memory for all.
func (m *merger) order(updates []Update) []int {
	order := make([]int, len(updates))
	total := m.s.bytes
	for i := range updates {
		order[i] = i
		total += int64(updates[i].Bytes)
	}
	if m.rules.MaxBytes > 0 && total > m.rules.MaxBytes {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(updates[a].Bytes, updates[b].Bytes) })
	}
	return order
}

// apply reports whether what u says is in force now.
func (m *merger) apply(u *Update) bool {
	e := m.s.byID(u.ID)
	switch {
	case u.Err != nil:
		return m.reject(u, e)
	case e == nil:
		return u.Record == nil || m.put(u, nil)
	case u.Sum != 0 && u.Sum == e.sum:
		m.confirm(e)
		return true
	case u.Record == nil && u.Sum != 0:
		return false // of a text that is not in force, and not here
	}
	if why := m.keeps(u, e); why != "" {
		m.keep(e, why, explanation(why, u, e))
		return false
	}
	if u.Record == nil {
		m.remove(e)
		return true
	}
	return m.put(u, e)
}

// keeps says why e stays in force although the source has something else, or "".
func (m *merger) keeps(u *Update, e *entry) Why {
	if why := m.keepsAlone(u, e); why != "" {
		return why
	}
	if kind := closes(u, e); m.limited[kind] {
		return kind
	}
	return ""
}

// keepsAlone is keeps as far as the other updates make no difference.
func (m *merger) keepsAlone(u *Update, e *entry) Why {
	switch {
	case m.rules.Force:
		return ""
	case u.Record == nil && !u.Announced && m.missing(e):
		return Missing
	case u.Record != nil && u.Record.revision > 0 && u.Record.revision < e.record.revision:
		return OlderRevision
	case u.Partial && loses(u.Record, e.record):
		return Partial
	default:
		return ""
	}
}

// missing reports whether a document that is absent may come back. A tombstone is not waited for, and no document that
// counts as deleted but for the limit.
func (m *merger) missing(e *entry) bool {
	p := e.rejected()
	return !e.record.deleted && p.why != Vanished && (p.why != Missing || m.rules.Now.Sub(p.since) < m.rules.AbsentAfter)
}

// loses reports whether next, nil for none, lacks a host or a route that r has, or one of its candidate.
func loses(next, r *Record) bool {
	if next == nil || next.deleted {
		return true
	}
	for _, host := range r.hosts {
		if !slices.Contains(next.hosts, host) {
			return true // it would fall to a wildcard, or to the default tenant
		}
	}
	if r.candidate != nil && (next.candidate == nil || next.candidate.losesRoute(r.candidate)) {
		return true
	}
	return next.stable.losesRoute(&r.stable)
}

// losesRoute reports whether s lacks a route that before has.
func (s *ruleset) losesRoute(before *ruleset) bool {
	for i := range before.routes {
		prefix := before.routes[i].prefix
		if !slices.ContainsFunc(s.routes, func(other route) bool { return other.prefix == prefix }) {
			return true
		}
	}
	return false
}

// confirm notes that the source has the document in force.
func (m *merger) confirm(e *entry) {
	next := e.settled(m.rules.Now)
	if e.record.Readable() || e.record.deleted || e.rejected().why.heldBack() {
		next = next.with(rejection{})
	}
	m.note(e, next)
}

// keep leaves e in force, and tells why when that is new.
func (m *merger) keep(e *entry, why Why, detail string) {
	p := rejection{why: why, detail: detail, since: m.rules.Now}
	old := e.rejected()
	if old.why == why || old.why == Missing && why == Vanished {
		p.since = old.since
	}
	if old.why != why {
		m.tell(e.record.id, why, detail)
	}
	m.note(e, e.with(p))
}

func (m *merger) tell(id string, why Why, detail string) {
	m.out.Rejected = append(m.out.Rejected, Rejection{ID: id, Why: why, Detail: detail})
}

// reject keeps the last good document of a tenant. A tenant that never had one is closed, and keeps its hosts from
// falling to another (rule 74).
func (m *merger) reject(u *Update, e *entry) bool {
	detail := u.Err.Error()
	if e != nil && (e.record.Readable() || e.record.deleted || u.Record == nil || u.Sum != 0 && u.Sum == e.sum) {
		m.keep(e, Invalid, detail)
		return false
	}
	record := u.Record
	if record == nil {
		record = &Record{id: u.ID}
	}
	m.tell(u.ID, Invalid, detail)
	m.replace(e, &entry{
		record: record, sum: u.Sum, bytes: u.Bytes,
		rare: &rare{rejected: rejection{why: Invalid, detail: detail, since: m.rules.Now}},
	})
	return true
}

// put makes the document of u the one in force, if there is memory for it.
func (m *merger) put(u *Update, e *entry) bool {
	before := 0
	if e != nil {
		before = e.bytes
	}
	if limit := m.rules.MaxBytes; limit > 0 && u.Bytes > before && m.s.bytes+int64(u.Bytes-before) > limit {
		return m.refuse(u, e)
	}
	next := &entry{record: u.Record, sum: u.Sum, bytes: u.Bytes}
	switch was, is := e != nil && e.record.Readable(), u.Record.Readable(); {
	case was && is:
		m.out.Updated++
	case was:
		m.out.Deleted++
	case is:
		m.out.Created++
	}
	if e != nil {
		next = next.after(e, m.rules.Now)
	}
	m.replace(e, next)
	return true
}

// refuse has no memory for a document: the tenant keeps the one it has, or is closed.
func (m *merger) refuse(u *Update, e *entry) bool {
	const detail = "the documents in memory would be larger than there is memory for"
	if e != nil {
		m.keep(e, OverBudget, detail)
		return false
	}
	m.tell(u.ID, OverBudget, detail)
	closed := &Record{id: u.ID, hosts: u.Record.hosts, revision: u.Record.revision, source: u.Record.source}
	m.replace(nil, &entry{record: closed, rare: &rare{rejected: rejection{why: OverBudget, detail: detail, since: m.rules.Now}}})
	return false
}

func (m *merger) remove(e *entry) {
	if e.record.Readable() {
		m.out.Deleted++
	}
	m.replace(e, nil)
}

// replace puts next in force instead of e; nil is none.
func (m *merger) replace(e, next *entry) {
	id := ""
	if e != nil {
		id = e.record.id
		m.count(e, -1)
	}
	if next != nil {
		id = next.record.id
		m.count(next, 1)
	}
	if _, known := m.changed[id]; !known {
		m.changed[id] = e
	}
	m.s.overlay.byID[id] = next
}

// note replaces e by the same document with other notes about it.
func (m *merger) note(e, next *entry) {
	if next == e {
		return
	}
	m.count(e, -1)
	m.count(next, 1)
	id := e.record.id
	m.s.overlay.byID[id] = next
	for _, host := range e.record.hosts {
		if m.s.holder(host) == e {
			hosts, key := m.s.overlay.hosts(host)
			hosts[key] = next
		}
	}
}

// count counts an entry in, or out.
func (m *merger) count(e *entry, n int) {
	m.s.documents += n
	m.s.bytes += int64(n * e.bytes)
	if e.record.Readable() {
		m.s.readable += n
	}
	if why := e.rejected().why; why.heldBack() {
		if m.s.held == nil {
			m.s.held = make(map[Why]int)
		}
		m.s.held[why] += n
	}
}

// explanation says in a sentence what the source has.
func explanation(why Why, u *Update, e *entry) string {
	switch why {
	case OlderRevision:
		return "the stored document has revision " + itoa(u.Record.revision) + ", which is older than revision " + itoa(e.record.revision) + ", which is in force"
	case Missing:
		return "the document is missing and nobody said that it was deleted"
	case Vanished:
		return "the document was deleted together with more others than the limit of mass changes permits"
	case Emptied:
		return "the document lost all its origins together with more others than the limit of mass changes permits"
	case Partial:
		return "the file may not be whole: a document, a host or a route is missing that it had before"
	default:
		return ""
	}
}

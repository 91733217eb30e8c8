package mirror

import (
	"slices"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// admit lets the guard judge a head, and reports whether what was read with it counts.
func (m *Mirror) admit(head store.Head) bool {
	m.mu.Lock()
	before, forced := m.guard.verdict, m.guard.force
	verdict := m.guard.admit(head)
	confirmed := m.guard.force && !forced
	m.mu.Unlock()
	if verdict != before {
		m.announceVerdict(before, verdict, head)
	}
	if verdict != before || confirmed {
		m.interrupt()
	}
	return verdict == admitted
}

// drop is a host that a tenant loses.
type drop struct {
	held *held
	host string
}

// apply puts news in force as far as they may be. Hosts are given before they are taken, so
// that one that moves is never nobody's.
func (m *Mirror) apply(all []news, how how) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	var drops []drop
	for i := range all {
		n := &all[i]
		h := m.index.byID(n.id)
		announced, ok := m.heed(n, h)
		if !ok {
			continue
		}
		drops = append(drops, m.applyOne(n, h, how, announced, now)...)
	}
	for _, d := range drops {
		m.index.take(d.held, d.host)
	}
}

// heed compares news with what was announced about the tenant: news from before the
// announcement do not count, and the load is repeated.
func (m *Mirror) heed(n *news, h *held) (announced, ok bool) {
	at, announced := m.announced[n.id]
	if !announced {
		return false, true
	}
	if n.at.Before(at) {
		m.counters.discarded.Add(1)
		m.queue.want(true, n.id)
		return true, false
	}
	delete(m.announced, n.id)
	if h != nil {
		h.pending.Store(false)
	}
	return true, true
}

func (m *Mirror) applyOne(n *news, h *held, how how, announced bool, now int64) []drop {
	if h != nil && how.run != 0 {
		h.run = how.run
	}
	switch {
	case n.err != nil:
		m.reject(n, h, now, n.err)
		return nil
	case n.data == nil:
		return m.lose(n, h, announced || how.force, how, now)
	case n.same:
		return m.confirmSame(n, h, now)
	case n.record == nil, n.broken != nil && h != nil && !holdsNothing(h):
		m.reject(n, h, now, n.broken)
		return nil
	case n.broken != nil:
		m.reject(n, nil, now, n.broken) // and keep its hosts from falling to the default tenant
	case h != nil && !how.force && older(n.record, h.entry.Load().Record()):
		m.counters.regressed.Add(1)
		m.problems.add(n.id, "the store has an older revision than the one in force")
		h.verified.Store(now)
		return nil
	case h != nil && !how.force && !m.brakes(n, h, now):
		return nil
	}
	return m.put(n, h, how, announced, now)
}

// older reports whether a revision goes back.
func older(next, current *tenant.Record) bool {
	return next.Revision() > 0 && next.Revision() < current.Revision()
}

// holdsNothing reports whether h never had a document that could be read.
func holdsNothing(h *held) bool {
	r := h.entry.Load().Record()
	return !r.Readable() && !r.Deleted()
}

// brakes reports whether a change that closes may be applied now.
func (m *Mirror) brakes(n *news, h *held, now int64) bool {
	current := h.entry.Load().Record()
	var b *brake
	switch {
	case !current.Readable():
		return true
	case n.record.Deleted():
		b = &m.vanished
	case current.Origins() > 0 && n.record.Origins() == 0:
		b = &m.emptied
	default:
		return true
	}
	if b.admit(now, 1, m.index.ids.EstimatedSize()) {
		return true
	}
	m.holdBack(h)
	return false
}

// holdBack keeps what is in force of a tenant against what the store says.
func (m *Mirror) holdBack(h *held) {
	if !h.braked {
		h.braked = true
		m.counters.heldBack.Add(1)
	}
}

// reject keeps the last good document of a tenant.
func (m *Mirror) reject(n *news, h *held, now int64, why error) {
	m.counters.rejected.Add(1)
	if m.problems.add(n.id, why.Error()) {
		m.opt.Log.Warn("a tenant document in the store cannot be used; the last good one stays in force",
			"tenant", n.id, "known", h != nil, "error", cut(why.Error()))
	}
	if h != nil {
		h.rejected = true
		h.missing = 0
		h.verified.Store(now)
	}
}

// confirmSame notes that the document in force is still the stored one.
func (m *Mirror) confirmSame(n *news, h *held, now int64) (drops []drop) {
	if h == nil {
		return nil // evicted meanwhile
	}
	h.verified.Store(now)
	h.missing, h.rejected, h.braked = 0, false, false
	if !n.check {
		return nil
	}
	for _, host := range n.hosts {
		strange := slices.Contains(n.strange, host)
		switch has := m.index.has(h, host); {
		case strange:
			m.counters.integrity.Add(1)
			drops = append(drops, drop{h, host})
		case !has:
			m.index.give(h, host)
		}
	}
	return drops
}

// lose deals with a document that is not there. Announced it is a deletion; otherwise
// the store may just have lost it, and the tenant stays for a while (T29).
func (m *Mirror) lose(n *news, h *held, sure bool, how how, now int64) []drop {
	if h == nil {
		return nil
	}
	if !sure && !h.entry.Load().Record().Deleted() {
		if h.missing == 0 {
			h.missing = now
			m.counters.missing.Add(1)
			return nil
		}
		if now-h.missing < int64(m.opt.AbsentAfter) {
			return nil
		}
	}
	if !how.force && h.entry.Load().Record().Readable() && !m.vanished.admit(now, 1, m.index.ids.EstimatedSize()) {
		m.holdBack(h)
		return nil
	}
	m.counters.deleted.Add(1)
	m.problems.remove(n.id)
	var drops []drop
	for _, host := range h.entry.Load().Record().Hosts() {
		drops = append(drops, drop{h, host})
	}
	h.gone.Store(true)
	m.index.ids.Invalidate(h.id)
	if m.opt.State != nil {
		m.opt.State.Delete(h.id)
		m.unsaved = true
	}
	return drops
}

// put makes a document the one in force.
func (m *Mirror) put(n *news, h *held, how how, announced bool, now int64) (drops []drop) {
	m.counters.applied.Add(1)
	var before []string
	isNew := h == nil
	if isNew {
		h = &held{id: n.id, jitter: uint8(xxhashOf(n.id)), run: how.run} //nolint:gosec // any byte will do
	} else {
		before = h.entry.Load().Record().Hosts()
	}
	h.entry.Store(n.entry)
	h.sum.Store(n.sum)
	h.verified.Store(now)
	h.missing, h.braked, h.rejected = 0, false, n.broken != nil
	if n.broken == nil {
		m.problems.remove(n.id)
	}
	if isNew {
		m.index.ids.Set(n.id, h)
		m.absentees.Invalidate(absenceKey("", n.id))
	}
	for _, host := range n.hosts {
		if slices.Contains(n.strange, host) {
			m.counters.integrity.Add(1)
			m.problems.add(n.id, "the store does not give it host "+host)
			drops = append(drops, drop{h, host})
			continue
		}
		if m.opt.Lazy && host[0] == '*' && (slices.Contains(before, host) || isNew && !announced) {
			continue // nobody's binding changes
		}
		m.give(h, host)
	}
	for _, host := range before {
		if !slices.Contains(n.hosts, host) {
			drops = append(drops, drop{h, host})
		}
	}
	if m.opt.State != nil {
		m.opt.State.Put(n.id, pack(n.strange, n.data))
		m.unsaved = true
	}
	return drops
}

// give makes h the tenant of a host, also for requests that were just told otherwise.
func (m *Mirror) give(h *held, host string) {
	if m.index.has(h, host) {
		return
	}
	m.index.give(h, host)
	if host[0] == '*' {
		m.absentees.InvalidateAll()
		return
	}
	m.absentees.Invalidate(absenceKey(host, ""))
}

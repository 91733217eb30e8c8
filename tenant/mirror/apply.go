package mirror

import (
	"slices"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// announcement is the newest change of a tenant whose document is not loaded since.
type announcement struct {
	at store.Position
	// before is the change before the first one that is not loaded.
	before store.Position
}

// mark notes where the store is known to be, before a read.
func (m *Mirror) mark() mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.guard.mark()
}

// admit lets the guard judge a head that was read since a mark, and reports whether what was read
// with it counts.
func (m *Mirror) admit(head store.Head, since mark) bool {
	m.mu.Lock()
	before, turn := m.guard.verdict, m.guard.turn
	ok := m.guard.admit(head, since)
	after, turned := m.guard.verdict, m.guard.turn != turn
	m.mu.Unlock()
	if after != before {
		m.announceVerdict(before, after, head)
	}
	if turned {
		m.interrupt()
	}
	return ok
}

// drop is a host that a tenant loses.
type drop struct {
	held *held
	host string
}

// apply puts news in force as far as they may be. Hosts are given before they are taken, so
// that one that moves is never nobody's. It returns the ids of outdated news.
func (m *Mirror) apply(all []news, how how) (outdated []string) {
	m.mu.Lock()
	before := m.visible()
	now := m.clock()
	var drops []drop
	for i := range all {
		n := &all[i]
		h := m.index.byID(n.id)
		if m.outdated(n, h) {
			m.counters.discarded.Add(1)
			outdated = append(outdated, n.id)
			continue
		}
		announced := m.heed(n, h, how, now)
		drops = append(drops, m.applyOne(n, h, how, announced, now)...)
	}
	for _, d := range drops {
		m.index.take(d.held, d.host)
	}
	after := m.visible()
	m.mu.Unlock()
	m.queue.want(true, outdated...)
	if after != before {
		m.opt.OnChange()
	}
	return outdated
}

// visible is what of [Status] applying can change.
type visible struct {
	vanished, emptied bool
	problems          int64
}

func (m *Mirror) visible() visible {
	return visible{vanished: m.vanished.holding, emptied: m.emptied.holding, problems: m.problems.changes()}
}

// outdated reports whether something newer is known about a tenant than its news: reads
// overtake each other (R35).
func (m *Mirror) outdated(n *news, h *held) bool {
	a, announced := m.announced[n.id]
	switch {
	case announced && n.at.Before(a.at):
		return true
	case h == nil:
		return n.same || n.data != nil && n.at.Before(m.removed)
	default:
		return n.at.Before(h.at) || n.same && h.sum.Load() != n.sum
	}
}

// heed notes that the store has said something about a tenant, and reports whether that was
// announced.
func (m *Mirror) heed(n *news, h *held, how how, now int64) bool {
	_, announced := m.announced[n.id]
	delete(m.announced, n.id)
	if h != nil {
		h.answered.Store(now)
		h.at = n.at
		if how.run != 0 {
			h.run = how.run
		}
	}
	return announced
}

func (m *Mirror) applyOne(n *news, h *held, how how, announced bool, now int64) []drop {
	switch {
	case n.err != nil:
		m.reject(n, h, now, n.err)
		return nil
	case n.data == nil:
		return m.lose(n, h, announced || how.force, how, now)
	case n.same:
		return m.confirmSame(n, h, now)
	case n.record == nil, n.broken != nil && h != nil && (h.readable() || h.deleted()):
		m.reject(n, h, now, n.broken)
		return nil
	case n.broken != nil:
		m.reject(n, nil, now, n.broken) // and keep its hosts from falling to the default tenant
	case h != nil && !how.force && older(n.record, h.entry.Load().Record()):
		m.regress(n, h)
		return nil
	case h != nil && !how.force && !m.brakes(n, h, now):
		return nil
	}
	return m.put(n, h, announced, how, now)
}

// confirmSame notes that the document in force is still the stored one.
func (m *Mirror) confirmSame(n *news, h *held, now int64) (drops []drop) {
	h.verified.Store(now)
	h.disputed.Store(false)
	h.missing, h.braked = 0, false
	if h.rejected && (h.readable() || h.deleted()) {
		h.rejected = false
		m.problems.remove(n.id)
	}
	if !n.check {
		return nil
	}
	changed := len(n.strange) > 0
	for _, host := range n.hosts {
		switch {
		case slices.Contains(n.strange, host):
			drops = append(drops, m.estrange(h, host))
		case m.index.holder(host) != h:
			m.give(h, host)
			changed = true
		}
	}
	if changed {
		m.save(n) // which hosts are another's is kept with it
	}
	if len(n.strange) == 0 && !h.rejected {
		m.problems.remove(n.id)
	}
	return drops
}

// put makes a document the one in force.
func (m *Mirror) put(n *news, h *held, announced bool, how how, now int64) (drops []drop) {
	m.counters.applied.Add(1)
	var before []string
	isNew := h == nil
	if isNew {
		h = newHeld(n.id)
		h.run, h.at = how.run, n.at
		h.answered.Store(now)
		m.countChange(nil, n.record, announced)
		h.put(n.entry)
	} else {
		before = h.hosts()
		old := h.entry.Load()
		m.countChange(old.Record(), n.record, announced)
		h.put(n.entry.After(old, time.Now()))
	}
	h.sum.Store(n.sum)
	h.verified.Store(now)
	h.disputed.Store(false)
	h.missing, h.braked, h.rejected = 0, false, n.broken != nil
	if n.broken == nil {
		m.problems.remove(n.id)
	}
	if isNew {
		m.index.add(h)
		m.absentees.Invalidate(absenceKey("", n.id))
	}
	for _, host := range n.hosts {
		if slices.Contains(n.strange, host) {
			drops = append(drops, m.estrange(h, host))
			continue
		}
		if m.part != nil && host[0] == '*' && (slices.Contains(before, host) || isNew && !announced) {
			continue // nobody's binding changes
		}
		m.give(h, host)
	}
	for _, host := range before {
		if !slices.Contains(n.hosts, host) {
			drops = append(drops, drop{h, host})
		}
	}
	m.save(n)
	return drops
}

// estrange notes that a tenant lists a host that is another's or nobody's. The hosts of a tombstone
// are free to take.
func (m *Mirror) estrange(h *held, host string) drop {
	if h.deleted() {
		return drop{h, host}
	}
	m.counters.integrity.Add(1)
	m.counters.strange.Add(1)
	m.problems.add(h.id, "the store does not give it host "+host)
	return drop{h, host}
}

// give makes h the tenant of a host, also for requests that were just told otherwise.
func (m *Mirror) give(h *held, host string) {
	if m.index.holder(host) == h {
		return
	}
	m.index.give(h, host)
	if host[0] == '*' {
		m.absentees.InvalidateAll()
		return
	}
	m.absentees.Invalidate(absenceKey(host, ""))
}

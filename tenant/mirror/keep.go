package mirror

import "github.com/corsgate/corsgate/tenant"

// older reports whether a revision goes back.
func older(next, current *tenant.Record) bool {
	return next.Revision() > 0 && next.Revision() < current.Revision()
}

// regress keeps a document against an older revision, which may be from a backup, or be what
// somebody wants. The store has not confirmed it: it grows stale.
func (m *Mirror) regress(n *news, h *held) {
	m.counters.regressed.Add(1)
	h.disputed.Store(true)
	h.rejected, h.missing = true, 0
	m.problems.add(n.id, "the store has an older revision than the one in force")
}

// brakes reports whether a change may be applied now, as far as it closes.
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
	if b.admit(now, m.index.size()) {
		return true
	}
	m.holdBack(h)
	return false
}

// holdBack keeps what is in force of a tenant against what the store says.
func (m *Mirror) holdBack(h *held) {
	h.disputed.Store(true)
	if !h.braked {
		h.braked = true
		m.counters.heldBack.Add(1)
	}
}

// reject keeps the last good document of a tenant.
func (m *Mirror) reject(n *news, h *held, now int64, why error) {
	m.counters.rejected.Add(1)
	if n.err != nil {
		m.counters.unreadable.Add(1)
	} else {
		m.counters.invalid.Add(1)
	}
	if m.problems.add(n.id, why.Error()) {
		m.opt.Log.Warn("a tenant document in the store cannot be used; the last good one stays in force",
			"tenant", n.id, "known", h != nil, "error", cut(why.Error()))
	}
	if h != nil {
		h.rejected = true
		h.missing = 0
		h.verified.Store(now)
		h.disputed.Store(false)
	}
}

// lose deals with a document that is not there. Announced it is a deletion; otherwise
// the store may just have lost it, and the tenant stays for a while (T29).
func (m *Mirror) lose(n *news, h *held, sure bool, how how, now int64) []drop {
	if h == nil {
		if sure {
			m.forget(n) // it may be on disk
		}
		return nil
	}
	if !sure && !h.deleted() {
		h.disputed.Store(true)
		if h.missing == 0 {
			h.missing = now
			m.counters.missing.Add(1)
			return nil
		}
		if now-h.missing < int64(m.opt.AbsentAfter) {
			return nil
		}
	}
	if !how.force && h.readable() && !m.vanished.admit(now, m.index.size()) {
		m.holdBack(h)
		return nil
	}
	m.counters.deleted.Add(1)
	if h.readable() {
		m.counters.removed.Add(1)
	}
	m.problems.remove(n.id)
	var drops []drop
	for _, host := range h.hosts() {
		drops = append(drops, drop{h, host})
	}
	m.index.remove(h)
	m.forget(n)
	return drops
}

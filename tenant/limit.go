package tenant

import (
	"strconv"
	"time"
)

// MassChangeLimit says how many tenants may vanish, or lose all their origins, within a minute: the larger of the two.
// A flushed store, a broken writer or a wrong query makes more of them go at once, an operator seldom.
type MassChangeLimit struct {
	// Tenants is a number, Percent one of all tenants. Without both there is no limit.
	Tenants, Percent int
}

func (l MassChangeLimit) permits(n, total int) bool {
	return l == MassChangeLimit{} || n <= max(l.Tenants, total*l.Percent/100)
}

// massChangeWindow is the time over which changes are counted.
const massChangeWindow = time.Minute

// closings counts the changes of one kind since a moment.
type closings struct {
	since time.Time
	n     int
}

// closes says which kind of mass change u would be a part of, or "".
func closes(u *Update, e *entry) Why {
	switch {
	case e == nil || !e.record.Readable() || u.Err != nil:
		return ""
	case u.Record == nil && u.Sum == 0, u.Record != nil && u.Record.deleted:
		return Vanished
	case u.Record != nil && u.Record.Origins() == 0 && e.record.Origins() > 0:
		return Emptied
	default:
		return ""
	}
}

// limit finds the kinds of change of which the updates, with those of the last minute and those that are held back
// already, have too many. All of a kind are then held back, since the first ones would be as wrong as the others.
func (m *merger) limit(updates []Update) {
	wanted := make(map[Why]int)
	held := make(map[Why]int) // of them, those that are held back already
	for i := range updates {
		u := &updates[i]
		e := m.s.byID(u.ID)
		kind := closes(u, e)
		if kind == "" || m.keepsAlone(u, e) != "" {
			continue
		}
		wanted[kind]++
		if e.rejected().why == kind {
			held[kind]++
		}
	}
	m.limited = make(map[Why]bool)
	for kind, n := range wanted {
		recent := m.s.closings[kind]
		if m.rules.Force || m.rules.Now.Sub(recent.since) > massChangeWindow {
			recent = closings{since: m.rules.Now}
		}
		if !m.rules.Force && !m.rules.Limit.permits(recent.n+m.s.held[kind]-held[kind]+n, m.s.readable) {
			m.limited[kind] = true
			continue
		}
		recent.n += n
		if m.s.closings == nil {
			m.s.closings = make(map[Why]closings)
		}
		m.s.closings[kind] = recent
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

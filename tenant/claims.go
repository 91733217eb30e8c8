package tenant

import (
	"maps"
	"slices"
)

// bindHosts gives the hosts of changed documents to their tenants.
func (m *merger) bindHosts() {
	// contested are the hosts that are not simply those of one document, with ids that may list them.
	contested := make(map[string][]string)
	for id, old := range m.changed {
		e := m.s.byID(id)
		if old != nil {
			for _, host := range old.record.hosts {
				if !lists(e, host) {
					contested[host] = append(contested[host], id)
				}
			}
		}
		if e == nil {
			continue
		}
		for _, host := range e.record.hosts {
			if !m.bindOwn(e, host) {
				contested[host] = append(contested[host], id)
			}
		}
	}
	if len(contested) > 0 {
		m.s.claims = maps.Clone(m.s.claims)
		if m.s.claims == nil {
			m.s.claims = make(map[string]claims)
		}
	}
	for host, ids := range contested {
		m.settleClaims(host, ids)
	}
}

// bindOwn gives a host to e when no other document lists it, as far as was seen.
func (m *merger) bindOwn(e *entry, host string) bool {
	if _, contested := m.s.claims[host]; contested {
		return false
	}
	if now := m.s.holder(host); now != nil && now.record.id != e.record.id {
		return false
	}
	hosts, key := m.s.overlay.hosts(host)
	hosts[key] = e
	return true
}

func lists(e *entry, host string) bool { return e != nil && slices.Contains(e.record.hosts, host) }

// settleClaims finds the tenant of a host that ids may list beside those that were known to list it.
func (m *merger) settleClaims(host string, ids []string) {
	old := m.before.claims[host]
	held := old.holder
	if e := m.before.holder(host); e != nil && e != m.before.nobody {
		held = e.record.id
	} else if held == "" {
		held = m.rules.Holders[host]
	}
	ids = append(slices.Clone(ids), old.ids...)
	for _, e := range [...]*entry{m.before.holder(host), m.s.holder(host)} {
		if e != nil {
			ids = append(ids, e.record.id)
		}
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return !lists(m.s.byID(id), host) })
	now := m.claimsOf(ids, held)
	hosts, key := m.s.overlay.hosts(host)
	switch {
	case len(ids) == 0:
		hosts[key] = nil
	case now.holder == "":
		hosts[key] = m.s.nobody
	default:
		hosts[key] = m.s.byID(now.holder)
	}
	if len(ids) < 2 {
		delete(m.s.claims, host)
		return
	}
	m.s.claims[host] = now
	for _, id := range now.living {
		if id != now.holder && (now.holder != old.holder || !slices.Contains(old.living, id)) {
			m.tell(id, HostConflict, now.explain(host, id))
		}
	}
}

// claimsOf says which of ids, all that list a host, has it: who held it, or the only one. The tombstone of a deleted
// tenant has what nobody else wants.
func (m *merger) claimsOf(ids []string, held string) claims {
	c := claims{ids: ids}
	for _, id := range ids {
		if !m.s.byID(id).record.deleted {
			c.living = append(c.living, id)
		}
	}
	switch {
	case slices.Contains(c.living, held):
		c.holder = held
	case len(c.living) == 1:
		c.holder = c.living[0]
	case len(c.living) == 0 && len(ids) > 0:
		c.holder = ids[0]
	}
	return c
}

// explain says why a tenant that lists a host does not have it.
func (c *claims) explain(host, id string) string {
	if c.holder != "" {
		return "the host " + host + " belongs to tenant " + c.holder + ", which lists it too"
	}
	for _, other := range c.living {
		if other != id {
			return "the host " + host + " belongs to nobody, since tenant " + other + " lists it too, and none of them held it"
		}
	}
	return ""
}

// Holders are the hosts that several documents list, with the tenant that holds each; "" is nobody. It is what
// [Rules.Holders] takes.
func (s *Snapshot) Holders() map[string]string {
	holders := make(map[string]string, len(s.claims))
	for host, c := range s.claims {
		holders[host] = c.holder
	}
	return holders
}

package tenant

// Changes counts how one set of tenants differs from another.
type Changes struct{ Created, Updated, Deleted int }

// Since counts how s differs from the snapshot before it. What has no policy is
// no tenant. A record that says the same in other words is an update.
func (s *Snapshot) Since(before *Snapshot) (c Changes) {
	for id, e := range s.byID {
		old := before.byID[id]
		switch {
		case !e.record.Readable():
		case old == nil || !old.record.Readable():
			c.Created++
		case old.record != e.record:
			c.Updated++
		}
	}
	for id, old := range before.byID {
		if e := s.byID[id]; old.record.Readable() && (e == nil || !e.record.Readable()) {
			c.Deleted++
		}
	}
	return c
}

// Dangers counts the tenants of s by what is dangerous about them.
func (s *Snapshot) Dangers() (c DangerCount) {
	for _, e := range s.byID {
		c.Add(e.record.Dangers())
	}
	return c
}

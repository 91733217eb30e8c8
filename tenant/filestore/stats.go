package filestore

import (
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// Stats are counts since the start, for metrics.
type Stats struct {
	// Changes of tenants that were put in force, without the first load.
	Changes tenant.Changes
	// Invalid documents, those with a HostConflict, Unreadable files, and files HeldBack because
	// without them nothing would be left: each once, until it is another problem.
	Invalid, HostConflicts, Unreadable, HeldBack int
}

// Stats returns the counts since the start.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Stats) change(c tenant.Changes) {
	s.Changes.Created += c.Created
	s.Changes.Updated += c.Updated
	s.Changes.Deleted += c.Deleted
}

// reject counts the documents that have a problem in next which they do not have in last.
func (s *Stats) reject(last, next *Report) {
	known := make(map[string]bool)
	if last != nil {
		for i := range last.Problems {
			known[last.Problems[i].String()] = true
		}
	}
	type place struct {
		file     string
		document int
		counter  *int
	}
	counted := make(map[place]bool)
	for i := range next.Problems {
		p := &next.Problems[i]
		at := place{p.File, p.Document, &s.Invalid}
		switch p.Code {
		case document.CodeHostTaken, document.CodeIDTaken:
			at.counter = &s.HostConflicts
		case CodeFile:
			at.counter = &s.Unreadable
		case CodeNoFiles, CodeNothingLeft:
			at.counter = &s.HeldBack
		default:
		}
		if !known[p.String()] && !counted[at] {
			counted[at] = true
			*at.counter++
		}
	}
}

package tenant

import "time"

// entry is a document in force. There is one for each tenant in memory, so what few have is behind a pointer.
type entry struct {
	record *Record
	// sum identifies the text of the document, bytes is its size.
	sum   uint64
	bytes int
	rare  *rare
}

// rare is what few entries have. It does not change.
type rare struct {
	// previous is the version before the record, until the Unix second at which it counts no more.
	previous *Record
	until    int64
	rejected rejection
}

// rejection says that the source has another document than the one in force, or the same one with a mistake.
type rejection struct {
	why    Why // "" for none
	detail string
	since  time.Time
}

// rejected says what of e is not in force; e may be nil.
func (e *entry) rejected() rejection {
	if e == nil || e.rare == nil {
		return rejection{}
	}
	return e.rare.rejected
}

// with is e with a rejection, or with none.
func (e *entry) with(p rejection) *entry {
	if e.rejected() == p {
		return e
	}
	next := *e
	next.rare = &rare{rejected: p}
	if e.rare != nil {
		next.rare.previous, next.rare.until = e.rare.previous, e.rare.until
	}
	if *next.rare == (rare{}) {
		next.rare = nil
	}
	return &next
}

// heldSince is since when e is held back against what its source says; zero when it is not.
func (e *entry) heldSince() time.Time {
	if p := e.rejected(); p.why.heldBack() {
		return p.since
	}
	return time.Time{}
}

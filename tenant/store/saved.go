package store

import "time"

// Saved is the place that a local copy of a store has reached.
type Saved struct {
	// Epoch and Confirmed as in [Head].
	Epoch, Confirmed string
	// Position is the last change that the copy holds.
	Position Position
	// At is when the store last confirmed the copy, by the wall clock of this machine.
	At time.Time
	// Complete reports whether the copy holds every tenant of the store at Position.
	Complete bool
}

// State keeps the last good documents of a store from one run of the process to
// the next. Its methods do not block on a disk, except Load.
type State interface {
	// Load gives what was kept, once, before anything else is called. Without anything
	// usable it gives no document and a zero Saved. each may keep data.
	Load(each func(id string, data []byte)) (Saved, error)
	// Put keeps the document of id instead of what was kept before.
	Put(id string, data []byte)
	// Delete forgets id.
	Delete(id string)
	// Commit says that what was put and deleted so far makes the copy of s. What was not
	// committed need not survive.
	Commit(s Saved)
}

package mirror

import (
	"iter"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

// held is one tenant in memory. It keeps its place in the index while its
// document changes.
type held struct {
	// What a lookup reads comes first, so that it lies together.

	entry atomic.Pointer[tenant.Entry] // never nil in the index
	// verified is the mirror time at which the store last said that this is its
	// document. Not above 0 for a copy from disk: as long before the start as it was.
	verified atomic.Int64
	// touched: a lookup used it since the last sweep.
	touched atomic.Bool
	// disputed: the store has announced or said something else, which is not in force (yet).
	disputed atomic.Bool

	// jitter spreads refreshes.
	jitter uint8
	// dangers are those of the document in force.
	dangers atomic.Uint32
	id      string
	// answered is the mirror time at which the store last said anything about it.
	answered atomic.Int64
	// sum is the hash of the document's text.
	sum atomic.Uint64

	// The rest is under [Mirror.mu].

	rejected bool           // the newest document is not the one in force
	braked   bool           // a newer state of it is held back
	missing  int64          // mirror time at which it was first found missing, or 0
	run      uint64         // the last resynchronisation that saw it
	at       store.Position // where the store was, at the earliest, when it last said something
}

func newHeld(id string) *held {
	return &held{id: id, jitter: uint8(xxhash.Sum64String(id))} //nolint:gosec // any byte will do
}

// put makes a document the one in force. Only one goroutine at a time puts.
func (h *held) put(entry *tenant.Entry) {
	h.entry.Store(entry)
	h.dangers.Store(uint32(entry.Record().Dangers()))
}

// readable reports whether h has a policy that decides.
func (h *held) readable() bool { return h.entry.Load().Record().Readable() }

// deleted reports whether h is a tombstone.
func (h *held) deleted() bool { return h.entry.Load().Record().Deleted() }

// hosts are those of the document in force.
func (h *held) hosts() []string { return h.entry.Load().Record().Hosts() }

// index finds tenants. Lookups read it while one writer at a time changes it, under
// [Mirror.mu]. Hosts are as documents write them, except those that are looked up.
type index interface {
	// byID finds a tenant by its id, or nil.
	byID(id string) *held
	// owner finds the tenant of a host that is looked up, or nil. old asks the caller to
	// have the host bound again.
	owner(host string) (h *held, old bool)
	// all gives every tenant; size is about how many there are.
	all() iter.Seq2[string, *held]
	size() int

	// add puts a tenant in, without its hosts; remove takes one out.
	add(h *held)
	remove(h *held)
	// holder is the tenant of a host, or nil; give makes it h; take makes it nobody, if it is h.
	holder(host string) *held
	give(h *held, host string)
	take(h *held, host string)
}

package mirror

import "github.com/corsgate/corsgate/tenant/store"

// verdict is what a guard says about a head.
type verdict string

// The verdicts. All but the first mean that nothing read with the head counts.
const (
	// admitted: the store is where it should be.
	admitted verdict = ""
	// heldEmpty: nobody has written to the store yet.
	heldEmpty verdict = "empty"
	// heldVanished: there is no change stream any more: flushed, or a replica that was
	// promoted before its first synchronisation (R14).
	heldVanished verdict = "vanished"
	// heldEpoch: the epoch is another one: another registry, or one begun anew (R14).
	heldEpoch verdict = "epoch"
	// heldRegressed: the newest change is older than one seen before: a lagging replica, or
	// an old backup (R13).
	heldRegressed verdict = "regressed"
	// heldSchema: the layout is newer than this program (R10).
	heldSchema verdict = "schema"
)

// maxSchema is the newest layout that is understood.
const maxSchema = 1

// guard decides whether the store is the one that the copy in memory was made
// from, at the same time or later. A store may come back in an older state; then the copy is
// better than the store until the store has passed it, or an operator confirms.
type guard struct {
	known     bool
	epoch     string
	confirmed string
	seen      store.Position // the newest change ever seen
	verdict   verdict        // of the last head
	// turn grows with each change of the verdict, and with each confirmation.
	turn uint64
	// doubts counts the reasons to compare the copy with the whole store, resolved those that a
	// comparison has dealt with.
	doubts, resolved uint64
	// force says that an operator has confirmed the store: what it says counts, also
	// where it goes back.
	force bool
}

// mark is what the guard knew when a read began. Reads overtake each other, so a head is judged
// by what was known then.
type mark struct {
	turn uint64
	seen store.Position
}

func (g *guard) mark() mark { return mark{turn: g.turn, seen: g.seen} }

// restore continues from an earlier run.
func (g *guard) restore(s store.Saved) {
	g.known, g.epoch, g.confirmed, g.seen = true, s.Epoch, s.Confirmed, s.Position
}

// admit judges a head that was read since a mark, and remembers it when it is admitted. Of two
// reads that were under way when the store turned, one says nothing about where it is now: that
// head is not admitted, and changes nothing.
func (g *guard) admit(h store.Head, since mark) bool {
	if since.turn != g.turn {
		return false
	}
	before := g.verdict
	g.verdict = g.judge(h, since.seen)
	if g.verdict != before {
		g.turn++
	}
	if g.verdict != admitted {
		return false
	}
	if before != admitted && before != heldEmpty {
		g.doubts++ // the store was elsewhere meanwhile
	}
	if g.known && g.confirms(h, since.seen) {
		g.doubts++
		g.turn++
		g.force = true
	}
	g.known, g.epoch = true, h.Epoch
	if h.Confirmed != "" {
		g.confirmed = h.Confirmed
	}
	g.see(h.Last)
	return true
}

// see notes that there is a change.
func (g *guard) see(at store.Position) {
	if g.seen.Before(at) {
		g.seen = at
	}
}

func (g *guard) judge(h store.Head, seen store.Position) verdict {
	switch {
	case h.Schema > maxSchema:
		return heldSchema
	case !g.known && !h.Exists:
		return heldEmpty
	case !g.known, g.confirms(h, seen):
		return admitted
	case !h.Exists:
		return heldVanished
	case g.epoch != "" && h.Epoch != g.epoch:
		return heldEpoch
	case h.Last.Before(seen):
		return heldRegressed
	default:
		return admitted
	}
}

// confirms reports whether an operator has confirmed the store since. A confirmation is a change
// itself: another token in a store that has gone back is one from before.
func (g *guard) confirms(h store.Head, seen store.Position) bool {
	return h.Confirmed != "" && h.Confirmed != g.confirmed && !h.Last.Before(seen)
}

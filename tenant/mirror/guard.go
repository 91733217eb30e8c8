package mirror

import "github.com/corsgate/corsgate/tenant/store"

// verdict is what a guard says about a head.
type verdict string

// The verdicts. All but the first mean that nothing read with the head counts.
const (
	// admitted: the store is where it should be.
	admitted verdict = ""
	// empty: nobody has written to the store yet.
	heldEmpty verdict = "empty"
	// vanished: there is no change stream any more: flushed, or a replica that was
	// promoted before its first synchronisation (R14).
	heldVanished verdict = "vanished"
	// foreign: the epoch is another one: another registry, or one begun anew (R14).
	heldEpoch verdict = "epoch"
	// regressed: the newest change is older than one seen before: a lagging replica, or
	// an old backup (R13).
	heldRegressed verdict = "regressed"
	// schema: the layout is newer than this program (R10).
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
	// resync says that the copy must be compared with the whole store.
	resync bool
	// force says that an operator has confirmed the store: what it says counts, also
	// where it goes back.
	force bool
}

// restore continues from an earlier run.
func (g *guard) restore(s store.Saved) {
	g.known, g.epoch, g.confirmed, g.seen = true, s.Epoch, s.Confirmed, s.Position
}

// admit judges a head and remembers it when it is admitted.
func (g *guard) admit(h store.Head) verdict {
	before := g.verdict
	g.verdict = g.judge(h)
	if g.verdict != admitted {
		return g.verdict
	}
	if before != admitted && before != heldEmpty {
		g.resync = true // the store was elsewhere meanwhile
	}
	if g.known && h.Confirmed != "" && h.Confirmed != g.confirmed {
		g.resync, g.force = true, true
		g.seen = store.Position{}
	}
	g.known, g.epoch = true, h.Epoch
	if h.Confirmed != "" {
		g.confirmed = h.Confirmed
	}
	if g.seen.Before(h.Last) {
		g.seen = h.Last
	}
	return admitted
}

func (g *guard) judge(h store.Head) verdict {
	switch {
	case h.Schema > maxSchema:
		return heldSchema
	case !g.known && !h.Exists:
		return heldEmpty
	case !g.known:
		return admitted
	case h.Confirmed != "" && h.Confirmed != g.confirmed:
		return admitted
	case !h.Exists:
		return heldVanished
	case g.epoch != "" && h.Epoch != g.epoch:
		return heldEpoch
	case h.Last.Before(g.seen):
		return heldRegressed
	default:
		return admitted
	}
}

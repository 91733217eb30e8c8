// Package trust says whether a store is still the one that a copy was made from, and not older than it. A store that
// was emptied, restored or exchanged counts for nothing until it has caught up, or until an operator confirms it.
package trust

import "github.com/corsgate/corsgate/tenant/store"

// Verdict says why nothing that a store says counts, or is "".
type Verdict string

// The verdicts.
const (
	// Trusted: the store is where it should be.
	Trusted Verdict = ""
	// Empty: nobody has written to the store yet.
	Empty Verdict = "empty"
	// Vanished: there is no change stream any more. The store was flushed, or an empty replica was promoted.
	Vanished Verdict = "vanished"
	// Epoch: it is another registry, or one that was begun anew.
	Epoch Verdict = "epoch"
	// Regressed: it lacks changes that were seen. A replica was promoted that lagged behind, or a backup was restored.
	Regressed Verdict = "regressed"
	// Schema: the layout is newer than this program.
	Schema Verdict = "schema"
)

// maxSchema is the newest layout that is understood.
const maxSchema = 1

// Trust judges the heads of a store, one after the other. The zero Trust has seen nothing. It is not safe for
// concurrent use.
type Trust struct {
	known    bool
	epoch    string
	approval string
	seen     store.Position
	verdict  Verdict
	// regressed: the store lacks a change that was seen, whatever else was wrong with it since.
	regressed bool
	// diverged: a change is missing, of which the next head says whether the store is still the same.
	diverged bool
	doubtful bool
	// found is the confirmation that was found in the stream of changes.
	found string
}

// Memory is what a Trust keeps from one run to the next.
type Memory struct {
	// Epoch and ApprovalToken as in [store.Head].
	Epoch, ApprovalToken string
	// Seen is the newest change that was ever seen.
	Seen store.Position
}

// Restore goes on from an earlier run.
func (t *Trust) Restore(m Memory) {
	t.known, t.epoch, t.approval, t.seen = true, m.Epoch, m.ApprovalToken, m.Seen
}

// Memory returns what is to be kept.
func (t *Trust) Memory() Memory {
	return Memory{Epoch: t.epoch, ApprovalToken: t.approval, Seen: t.seen}
}

// Verdict is what was said of the last head.
func (t *Trust) Verdict() Verdict { return t.verdict }

// Epoch is the name of the registry; "" before it is known.
func (t *Trust) Epoch() string { return t.epoch }

// Seen is the newest change that was ever seen.
func (t *Trust) Seen() store.Position { return t.seen }

// Doubtful reports whether the store was not where it should be, and the copy has not been compared with it since.
func (t *Trust) Doubtful() bool { return t.doubtful }

// Compared says that the copy was compared with all that the store has.
func (t *Trust) Compared() { t.doubtful = false }

// See notes that there is a change.
func (t *Trust) See(at store.Position) {
	if t.seen.Before(at) {
		t.seen = at
	}
}

// Claims reports whether a head tells of a confirmation that is not known yet. It may have come back with a backup, or be
// that of another registry.
func (t *Trust) Claims(h store.Head) bool {
	return t.known && h.Confirmed != "" && h.Confirmed != t.approval && !h.Last.Before(t.seen)
}

// Confirm has the claim of the next head believed. An operator has confirmed the store since the newest change that was
// seen: the stream of changes says so.
func (t *Trust) Confirm(h store.Head) { t.found = h.Confirmed }

// Judge says whether what was read together with a head counts. confirmed: an operator has confirmed the store since
// the last head, and it is to be taken as it is. A store that is not where it should be is confirmed only after
// [Trust.Confirm].
func (t *Trust) Judge(h store.Head) (v Verdict, confirmed bool) {
	claims := t.Claims(h)
	v = t.judge(h, claims && h.Confirmed == t.found)
	t.found = ""
	confirmed = claims && v == Trusted
	before := t.verdict
	t.verdict = v
	t.regressed, t.diverged = v == Regressed || t.regressed && v != Trusted, false
	if v != Trusted {
		return v, false
	}
	t.doubtful = t.doubtful || before != Trusted && before != Empty
	t.known, t.epoch = true, h.Epoch
	if h.Confirmed != "" {
		t.approval = h.Confirmed
	}
	t.See(h.Last)
	return v, confirmed
}

func (t *Trust) judge(h store.Head, confirmed bool) Verdict {
	switch {
	case h.Schema > maxSchema:
		return Schema
	case !t.known && !h.Exists:
		return Empty
	case !t.known, confirmed:
		return Trusted
	case !h.Exists:
		return Vanished
	case t.epoch != "" && h.Epoch != t.epoch:
		return Epoch
	case h.Last.Before(t.seen), t.regressed, t.diverged:
		// A new change makes a store that lost some no better: it stays so until [Trust.Recover].
		return Regressed
	default:
		return Trusted
	}
}

// Diverge says that the store lacks a change that was seen, and has not trimmed it. It is called before the head that
// shows it is judged.
func (t *Trust) Diverge() { t.diverged = true }

// Recover says of a store that has regressed that it has all that was seen again.
func (t *Trust) Recover() {
	if !t.regressed {
		return
	}
	t.regressed, t.doubtful = false, true
	if t.verdict == Regressed {
		t.verdict = Trusted
	}
}

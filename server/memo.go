package server

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/corsgate/corsgate/policy"
)

// Bounds of what is remembered.
const (
	memoSlots      = 4096 // a power of two
	memoReplyBytes = 4 << 10
	memoTextBytes  = 512 // of what the client asked for, and the application said
)

// memoPhase keeps apart the replies that one decision has.
type memoPhase uint8

const (
	memoRequest memoPhase = iota
	memoResponse
	memoResponseOnly // with metadata
)

// memoKey is everything that the bytes of a reply depend on. The tenant is part of it: should two
// tenants ever share a policy, they still do not share a reply.
type memoKey struct {
	policy.Key
	app      appHeaders
	about    subject
	shadow   string
	variant  string
	entry    int
	outcome  policy.Outcome
	phase    memoPhase
	answered bool
}

// appHeaders are what the edits of a response depend on, names of headers aside.
type appHeaders struct {
	allowOrigin, allowCredentials, exposeHeaders, vary string
	hasCORS                                            bool
}

// memo holds encoded replies: a table with two places for each, so that a
// stranger who varies the Origin displaces replies but never makes it grow. It
// is lock-free; a lost store costs one more encoding.
type memo struct {
	seed  maphash.Seed
	slots []atomic.Pointer[memoEntry]
}

type memoEntry struct {
	key   memoKey
	reply reply
}

func newMemo() memo {
	return memo{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[memoEntry], memoSlots)}
}

// places are the two places in which the reply of k may be.
func (m *memo) places(k *memoKey) [2]*atomic.Pointer[memoEntry] {
	h := maphash.Comparable(m.seed, k.Key)
	h ^= maphash.String(m.seed, k.app.vary)*31 ^ uint64(k.phase)*29
	i := h % memoSlots
	return [2]*atomic.Pointer[memoEntry]{&m.slots[i], &m.slots[i^1]}
}

func (m *memo) find(k *memoKey) *reply {
	for _, p := range m.places(k) {
		if e := p.Load(); e != nil && e.key == *k {
			return &e.reply
		}
	}
	return nil
}

// store remembers rep for k. Strings of k that belong to a request are cloned, for they share memory with the rest
// of it.
func (m *memo) store(k memoKey, rep *reply) {
	if rep.wire.Len() > memoReplyBytes {
		return
	}
	both := m.places(&k)
	place := both[0]
	if both[1].Load() == nil {
		place = both[1]
	}
	for _, text := range [...]*string{
		&k.Origin, &k.Method, &k.Headers, &k.app.allowOrigin, &k.app.allowCredentials, &k.app.exposeHeaders, &k.app.vary,
	} {
		*text = strings.Clone(*text)
	}
	place.Store(&memoEntry{key: k, reply: *rep})
}

// memoSlot is where a reply that is being built can be remembered; the zero value
// is nowhere.
type memoSlot struct {
	memo *memo
	key  memoKey
}

// remembered returns the encoded reply of the present decision, or where to keep it. up is nil before there is a
// response.
func (x *exchange) remembered(phase memoPhase, up *policy.Upstream) (memoSlot, *reply) {
	m := x.memo
	if m == nil {
		return memoSlot{}, nil
	}
	slot := memoSlot{memo: m, key: memoKey{
		Key:      x.result.Key(),
		about:    x.subject,
		shadow:   x.result.Shadow,
		variant:  x.result.Variant,
		entry:    x.result.Entry,
		outcome:  x.result.Outcome,
		phase:    phase,
		answered: x.result.Answered(),
	}}
	k := &slot.key
	if up != nil {
		k.app = appHeaders{up.AllowOrigin, up.AllowCredentials, up.ExposeHeaders, up.Vary, up.HasCORS}
	}
	if len(k.Method)+len(k.Headers)+len(k.app.allowOrigin)+len(k.app.allowCredentials)+len(k.app.exposeHeaders)+len(k.app.vary) > memoTextBytes {
		return memoSlot{}, nil
	}
	return slot, m.find(k)
}

func (x *exchange) remember(slot memoSlot, rep *reply) {
	if slot.memo != nil && !rep.rejected {
		slot.memo.store(slot.key, rep)
	}
}

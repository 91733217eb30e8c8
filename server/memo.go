package server

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Bounds of what one policy remembers.
const (
	memoFirstSlots = 8 // both are powers of two
	memoSlots      = 64
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

// memoKey is everything that the bytes of a reply depend on beside the policy. The
// tenant is part of it although each policy has a table of its own: should two
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

// memo holds the encoded replies of one policy: a table with two places for each, so that a
// stranger who varies the Origin displaces replies but never makes it grow beyond
// [memoSlots]. There is none before the first reply, since most tenants are asleep. It
// is lock-free; a lost store costs one more encoding.
type memo struct {
	table atomic.Pointer[memoTable]
	uses  tenant.Uses
}

type memoTable struct {
	seed  maphash.Seed
	slots []atomic.Pointer[memoEntry]
}

type memoEntry struct {
	key   memoKey
	reply reply
}

// Attach returns an empty memory of encoded replies for one policy. Give it to
// the tenant loader as Options.Attach; it comes back in Result.Memo.
func Attach(*policy.Policy) any { return new(memo) }

// places are the two places in which the reply of k may be.
func (t *memoTable) places(k *memoKey) [2]*atomic.Pointer[memoEntry] {
	h := maphash.String(t.seed, k.Origin)
	for _, text := range [...]string{k.Method, k.Headers, k.app.vary} {
		if text != "" {
			h = h*31 ^ maphash.String(t.seed, text)
		}
	}
	h ^= uint64(k.Reason)*7 ^ uint64(k.Kind)*13 ^ uint64(k.phase)*29
	i := h % uint64(len(t.slots))
	return [2]*atomic.Pointer[memoEntry]{&t.slots[i], &t.slots[i^1]}
}

// place is where the reply of k is or may be put without displacing another; when there is no such place, free is
// false.
func (t *memoTable) place(k *memoKey) (place *atomic.Pointer[memoEntry], free bool) {
	both := t.places(k)
	for _, p := range both {
		if e := p.Load(); e == nil || e.key == *k {
			return p, true
		}
	}
	return both[0], false
}

// doubled is t with twice the slots.
func (t *memoTable) doubled() *memoTable {
	d := &memoTable{seed: t.seed, slots: make([]atomic.Pointer[memoEntry], 2*len(t.slots))}
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil {
			p, _ := d.place(&e.key)
			p.Store(e)
		}
	}
	return d
}

func (m *memo) find(k *memoKey) *reply {
	table := m.table.Load()
	if table == nil {
		return nil
	}
	for _, p := range table.places(k) {
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
	table := m.table.Load()
	if table == nil {
		first := &memoTable{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[memoEntry], memoFirstSlots)}
		m.table.CompareAndSwap(nil, first)
		table = m.table.Load()
	}
	place, free := table.place(&k)
	if !free && len(table.slots) < memoSlots {
		m.table.CompareAndSwap(table, table.doubled())
		place, _ = m.table.Load().place(&k)
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
	m, _ := x.result.Memo.(*memo)
	if m == nil {
		return memoSlot{}, nil
	}
	slot := memoSlot{memo: m, key: memoKey{
		Key:      x.result.Key(),
		about:    x.subject,
		shadow:   x.result.Shadow,
		variant:  x.result.Variant,
		entry:    x.result.OriginIndex,
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

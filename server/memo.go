package server

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
)

// Bounds of the encoded replies that are kept.
const (
	memoSlots      = 4096 // a power of two
	memoReplyBytes = 4 << 10
	memoTextBytes  = 512 // of what the client asked for, and the application said
)

// memoKey is everything that the bytes of a reply depend on. The tenant is part of it: should two
// tenants ever share a policy, they still do not share a reply.
type memoKey struct {
	policy.Key
	app     appHeaders
	tenant  answer.TenantInfo
	shadow  string
	variant string
	entry   int
	outcome policy.Outcome
	phase   Phase
	decided bool // an earlier reply has told the decision
}

// appHeaders are what the edits of a response depend on, names of headers aside.
type appHeaders struct {
	allowOrigin, allowCredentials, exposeHeaders, vary string
	hasCORS                                            bool
}

// memo keeps encoded replies: a table with two places for each, so that whoever varies the Origin displaces
// replies but never makes it grow. All tenants share it, and replies made without a tenant's policy. It
// is lock-free; a lost store costs one more encoding.
type memo struct {
	seed  maphash.Seed
	slots []atomic.Pointer[memoEntry]
}

type memoEntry struct {
	key   memoKey
	reply reply
}

func newMemo() *memo {
	return &memo{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[memoEntry], memoSlots)}
}

// reply is the reply of k, which is encoded, and kept, when it is not there.
func (m *memo) reply(k *memoKey, build func() answer.Answer) *reply {
	h := maphash.String(m.seed, k.tenant.ID)
	for _, text := range [...]string{k.Origin, k.Method, k.Headers, k.app.vary} {
		if text != "" {
			h = h*31 ^ maphash.String(m.seed, text)
		}
	}
	h ^= uint64(k.Reason)*7 ^ uint64(k.Kind)*13 ^ uint64(k.phase)*29
	first, second := &m.slots[h%memoSlots], &m.slots[h%memoSlots^1]
	for _, slot := range [...]*atomic.Pointer[memoEntry]{first, second} {
		if e := slot.Load(); e != nil && e.key == *k {
			return &e.reply
		}
	}
	a := build()
	rep := encode(&a, k.phase)
	if rep.rejected || rep.wire.Len() > memoReplyBytes {
		return rep
	}
	slot := first
	if second.Load() == nil {
		slot = second
	}
	slot.Store(&memoEntry{key: k.clone(), reply: *rep})
	return rep
}

// clone copies the strings that belong to a request, for they share memory with the rest of it.
func (k *memoKey) clone() memoKey {
	c := *k
	for _, text := range [...]*string{
		&c.Origin, &c.Method, &c.Headers, &c.app.allowOrigin, &c.app.allowCredentials, &c.app.exposeHeaders, &c.app.vary,
	} {
		*text = strings.Clone(*text)
	}
	return c
}

// memoKey is the key of the reply to a request, or to the response up. It is false for a reply that depends on too
// much to be kept.
func (x *stream) memoKey(phase Phase, up *answer.Response) (memoKey, bool) {
	k := memoKey{
		Key:     x.result.Key(),
		tenant:  x.tenant,
		shadow:  x.result.Shadow,
		variant: x.result.Variant,
		entry:   x.result.OriginIndex,
		outcome: x.result.Outcome,
		phase:   phase,
	}
	if up != nil {
		if up.VaryLost || len(up.Others) > 0 || up.Names != nil {
			return k, false
		}
		k.app = appHeaders{up.AllowOrigin, up.AllowCredentials, up.ExposeHeaders, up.Vary, up.HasCORS}
		k.decided = up.Decided
	}
	n := len(k.Method) + len(k.Headers) + len(k.app.allowOrigin) + len(k.app.allowCredentials) + len(k.app.exposeHeaders) + len(k.app.vary)
	return k, n <= memoTextBytes
}

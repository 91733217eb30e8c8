package tenant

import (
	"sync/atomic"

	"github.com/corsgate/corsgate/policy"
)

// Uses remembers which entries of one policy have allowed something today, so that only the first use of
// a day is told. The zero Uses is ready; keep one beside the memo of each policy. It is lock-free.
type Uses struct{ today atomic.Pointer[dayOfUses] }

// dayOfUses has a bit for each entry.
type dayOfUses struct {
	day  int64
	bits []atomic.Uint64
}

const secondsPerDay = 86400

// OnUse is told that an entry of a tenant, as written, allowed something on a day, counted from
// 1970-01-01 by UTC. It returns false when it cannot take that now; the next use tells it again. It must not
// block, nor keep entry: it is a part of a larger text.
type OnUse func(tenant, entry string, day int64) bool

// Use tells on of the entry that allowed res, which v gave at now, if that is its first use on that day.
// What was denied, or allowed by no entry, is none. u belongs to the policy that decided.
// It neither allocates nor takes a lock, but for the first uses of a day.
func (v *View) Use(res *Result, u *Uses, now int64, on OnUse) {
	if res.Outcome != policy.Allowed || res.OriginIndex < 0 {
		return
	}
	by := v.by(res)
	if by == nil || res.OriginIndex >= by.policy.Origins() {
		return
	}
	day := now / secondsPerDay
	bits := u.of(day, by.policy.Origins())
	if bits == nil {
		return
	}
	word, bit := &bits[res.OriginIndex/64], uint64(1)<<(res.OriginIndex%64)
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return
	}
	if !on(v.ID(), by.policy.Entry(res.OriginIndex), day) {
		word.And(^bit)
	}
}

// of is the set of a day; nil for one that is over.
func (u *Uses) of(day int64, entries int) []atomic.Uint64 {
	for {
		today := u.today.Load()
		switch {
		case today == nil || today.day < day:
			next := &dayOfUses{day: day, bits: make([]atomic.Uint64, (entries+63)/64)}
			u.today.CompareAndSwap(today, next)
		case today.day > day:
			return nil
		default:
			return today.bits
		}
	}
}

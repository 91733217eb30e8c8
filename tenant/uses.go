package tenant

import (
	"sync/atomic"

	"github.com/corsgate/corsgate/policy"
)

// uses remembers which entries of a record's policies have allowed something today, so that only the first use of a day is
// told. It is lock-free, and empty until the first use.
type uses struct{ today atomic.Pointer[dayOfUses] }

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
// What was denied, or allowed by no entry, is none.
// It neither allocates nor takes a lock, but for the first use of a day.
func (v *View) Use(res *Result, now int64, on OnUse) {
	if res.Outcome != policy.Allowed || res.OriginIndex < 0 {
		return
	}
	by := v.by(res)
	if by == nil || by.policy == nil || res.OriginIndex >= by.policy.Origins() {
		return
	}
	day := now / secondsPerDay
	record := v.entry.record
	bits := record.uses.of(day, int(record.entries))
	if bits == nil {
		return
	}
	i := int(by.entriesBefore) + res.OriginIndex
	word, bit := &bits[i/64], uint64(1)<<(i%64)
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return
	}
	if !on(record.id, by.policy.Entry(res.OriginIndex), day) {
		word.And(^bit)
	}
}

// of is the set of a day; nil for one that is over.
func (u *uses) of(day int64, entries int) []atomic.Uint64 {
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

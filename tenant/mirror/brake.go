package mirror

import "time"

// brakeWindow is the time over which a brake counts.
const brakeWindow = time.Minute

// brake holds back a kind of change when too many tenants undergo it within
// a window: what a flushed store, a broken writer or a wrong query do, and operators
// seldom. Once it holds, it holds all, until it is released.
type brake struct {
	floor, percent int

	began   int64 // mirror time at which the window began
	count   int
	holding bool
}

// admit reports whether one more tenant, of total, may change now, and counts it.
func (b *brake) admit(now int64, total int) bool {
	ok := b.allows(now, 1, total)
	b.count++
	return ok
}

// allows is admit for n tenants that will then be admitted one by one.
func (b *brake) allows(now int64, n, total int) bool {
	if now-b.began > int64(brakeWindow) {
		b.began, b.count = now, 0
	}
	if b.count+n > max(b.floor, total*b.percent/100) {
		b.holding = true
	}
	return !b.holding
}

// release lets changes through again and counts anew.
func (b *brake) release(now int64) {
	b.began, b.count, b.holding = now, 0, false
}

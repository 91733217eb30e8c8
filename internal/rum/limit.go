package rum

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// limiter is a token bucket for each key, in a table whose size never changes: keys share a
// bucket by chance instead of growing memory by design. No key is kept.
type limiter struct {
	seed  maphash.Seed
	burst float64 // tokens of a full bucket, which fill up again in a minute
	start time.Time

	mu      sync.Mutex
	buckets []bucket
}

// bucket is full in its zero value.
type bucket struct {
	spent float64
	at    time.Duration // since the start of the limiter
}

// newLimiter grants each key perMinute, also all at once. The more buckets, the fewer keys share one.
func newLimiter(perMinute float64, buckets int) *limiter {
	return &limiter{seed: maphash.MakeSeed(), burst: perMinute, start: time.Now(), buckets: make([]bucket, buckets)}
}

// take takes a token of the key, unless there is none.
func take[K comparable](l *limiter, key K) bool {
	slot := maphash.Comparable(l.seed, key) % uint64(len(l.buckets))
	l.mu.Lock()
	defer l.mu.Unlock()
	b, now := &l.buckets[slot], time.Since(l.start)
	b.spent = max(0, b.spent-(now-b.at).Minutes()*l.burst)
	b.at = now
	if b.spent+1 > l.burst {
		return false
	}
	b.spent++
	return true
}

// Parameters of the count of networks.
const (
	windowMinutes = 10
	windowBits    = 8192
)

// distinct estimates how many networks were added in the last ten minutes, by linear
// counting: exact to a few per cent up to thousands, and bounded. Bits are chosen under a key
// that dies with the process, and tell no network.
type distinct struct {
	seed  maphash.Seed
	start time.Time

	mu      sync.Mutex
	minutes [windowMinutes]window
}

// window are the networks of one minute.
type window struct {
	minute int64 // since the start, from 1; 0 is none
	bits   [windowBits / 64]uint64
}

func newDistinct() *distinct {
	return &distinct{seed: maphash.MakeSeed(), start: time.Now()}
}

func (d *distinct) minute() int64 { return 1 + int64(time.Since(d.start)/time.Minute) }

func (d *distinct) add(n network) {
	bit := maphash.Comparable(d.seed, n) % windowBits
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.minute()
	w := &d.minutes[now%windowMinutes]
	if w.minute != now {
		*w = window{minute: now}
	}
	w.bits[bit/64] |= 1 << (bit % 64)
}

func (d *distinct) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, zeros := d.minute(), 0
	for i := range windowBits {
		set := false
		for m := range d.minutes {
			w := &d.minutes[m]
			set = set || w.minute > now-windowMinutes && w.bits[i/64]&(1<<(i%64)) != 0
		}
		if !set {
			zeros++
		}
	}
	return int(math.Round(windowBits * math.Log(windowBits/float64(max(1, zeros)))))
}

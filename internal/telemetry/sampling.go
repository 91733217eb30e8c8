package telemetry

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
)

// Sampling says which decisions get a span. What Envoy has decided for the trace counts first: a
// request of a sampled trace has a span, one of an unsampled trace none. The ratios are for requests
// that Envoy does not trace, and for all when Alone is set.
type Sampling struct {
	// Alone disregards what Envoy decided.
	Alone bool
	// Allowed, Denied, Errors and Loads are the shares, 0 to 1, of decisions by outcome, and of those that
	// waited for their tenant. Passed-through requests count as allowed.
	Allowed, Denied, Errors, Loads float64
	// PerSecond bounds the spans of decisions; 0 is no bound.
	PerSecond int
}

// DefaultSampling sees every failure and every load, and little of what is as usual.
func DefaultSampling() Sampling {
	return Sampling{Allowed: 0.001, Denied: 0.01, Errors: 1, Loads: 1, PerSecond: 200}
}

// Ratio is a sampling of everything by one ratio.
func Ratio(r float64) Sampling {
	return Sampling{Allowed: r, Denied: r, Errors: r, Loads: r, PerSecond: DefaultSampling().PerSecond}
}

// wants reports whether o is to have a span, as far as its trace and its outcome say.
func (s *Sampling) wants(o *server.Observation) bool {
	if o.Parent.IsValid() && !s.Alone {
		return o.Parent.IsSampled()
	}
	ratio := s.Allowed
	switch {
	case o.Outcome == policy.Error:
		ratio = s.Errors
	case o.Waited:
		ratio = s.Loads
	case o.Outcome == policy.Denied:
		ratio = s.Denied
	}
	return chance(ratio)
}

func chance(ratio float64) bool {
	return ratio >= 1 || ratio > 0 && rand.Float64() < ratio //nolint:gosec // thins out, hides nothing
}

// limit lets so many pass in each second.
type limit struct {
	perSecond int64
	// window is the present second since the start, left-shifted, and how many passed in it.
	window atomic.Int64
	began  time.Time
}

// countBits of a window hold the count; the rest lasts for thousands of years.
const countBits = 24

func newLimit(perSecond int) *limit {
	return &limit{perSecond: int64(min(perSecond, 1<<countBits-2)), began: time.Now()}
}

// allow reports whether one more may pass now.
func (l *limit) allow(now time.Time) bool {
	if l.perSecond <= 0 {
		return true
	}
	second := int64(now.Sub(l.began) / time.Second)
	for {
		w := l.window.Load()
		next := w + 1
		if w>>countBits != second {
			if w>>countBits > second {
				return false // a clock read before that of somebody else
			}
			next = second<<countBits + 1
		} else if w&(1<<countBits-1) >= l.perSecond {
			return false
		}
		if l.window.CompareAndSwap(w, next) {
			return true
		}
	}
}

package mirror

import "time"

// limiter bounds the loads that end without a tenant: a load takes a token, and
// gives it back when it has found one. So strangers cannot make the store work, and tenants
// that are merely not in memory are loaded as fast as the store can. It is a
// token bucket that is not safe for concurrent use.
type limiter struct {
	rate, burst float64 // tokens a second, and at most
	tokens      float64
	at          time.Time // when tokens was right
}

func newLimiter(rate, burst int) limiter {
	return limiter{rate: float64(rate), burst: float64(burst), tokens: float64(burst), at: time.Now()}
}

// take reports whether there was a token.
func (l *limiter) take() bool {
	now := time.Now()
	l.tokens = min(l.burst, l.tokens+l.rate*now.Sub(l.at).Seconds())
	l.at = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// refund gives n tokens back.
func (l *limiter) refund(n int) { l.tokens = min(l.burst, l.tokens+float64(n)) }

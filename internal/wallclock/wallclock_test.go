package wallclock_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/internal/wallclock"
)

// machine is a machine whose clocks the test sets. True time is that of the bubble.
type machine struct {
	began  time.Time
	wrong  duration // how far its clock is ahead of true time
	slept  duration // how much its monotonic clock has missed
	sleeps atomic.Int32
	log    strings.Builder
	*wallclock.Clock
}

// duration is one that the test sets while the clock reads it.
type duration struct{ n atomic.Int64 }

func (d *duration) set(to time.Duration) { d.n.Store(int64(to)) }
func (d *duration) get() time.Duration   { return time.Duration(d.n.Load()) }

// start runs a clock on a machine; at most some minutes of true time pass in a test.
func start(t *testing.T) *machine {
	t.Helper()
	m := &machine{began: time.Now()}
	m.Clock = wallclock.New(wallclock.Options{
		SuspendAfter: 30 * time.Second,
		OnSuspend:    func() { m.sleeps.Add(1) },
		Source: func() (time.Time, time.Duration) {
			return time.Now().Round(0).Add(m.wrong.get()), time.Since(m.began) - m.slept.get()
		},
		Log: slog.New(slog.NewTextHandler(&m.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

// pass lets true time pass; afterwards the clock has looked at the machine's.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// off is how far the clock is ahead of true time.
func (m *machine) off() time.Duration { return time.Until(m.Now()) }

const (
	hour = time.Hour
	year = 365 * 24 * time.Hour
)

func TestSmallStepsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t)
		for _, step := range []time.Duration{time.Second, -3 * time.Second, 5 * time.Minute, -5 * time.Minute, -20 * time.Millisecond} {
			m.wrong.set(m.wrong.get() + step)
			pass(2 * time.Second)
			m.Observe(time.Now().Add(m.wrong.get()), time.Millisecond)
			if got := m.off(); got != m.wrong.get() || m.Status().Distrusted {
				t.Errorf("after a step of %s: the time is %s off, want %s as the machine says", step, got, m.wrong.get())
			}
		}
		if m.log.Len() > 0 {
			t.Errorf("steps are logged: %s", m.log.String())
		}
	})
}

func TestJumps(t *testing.T) {
	for _, jump := range []time.Duration{hour, -hour, year, -year, 5*time.Minute + 1, -5*time.Minute - 1} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testJump(t, jump) })
		})
	}
}

func testJump(t *testing.T, jump time.Duration) {
	m := start(t)
	pass(10 * time.Second)
	stays := func(when string, distrusted bool) {
		t.Helper()
		if got := m.off(); got != 0 || m.Status().Distrusted != distrusted {
			t.Errorf("%s: the time is %s off, and the status %+v", when, got, m.Status())
		}
	}
	m.wrong.set(jump)
	stays("before the clock was looked at", false)
	pass(2 * time.Minute)
	stays("without a store", true)
	m.Observe(time.Time{}, 0)
	stays("with a store that says no time", true)
	if m.Status().Observed {
		t.Error("a store that says no time was observed")
	}
	m.Observe(time.Now(), time.Millisecond)
	stays("with a store that agrees with us", true)
	if got := m.Status().Offset; (got + jump).Abs() > time.Millisecond {
		t.Errorf("the offset to the store is %s, want %s", got, -jump)
	}
	m.Observe(time.Now().Add(jump/2), time.Millisecond)
	stays("with a store that lies", true)
	m.Observe(time.Now().Add(jump+5*time.Second+time.Millisecond), 0)
	stays("with a store that nearly agrees with the machine", true)
	m.Observe(time.Now().Add(jump), 6*time.Second)
	stays("with a store that answered too late to say anything", true)
	m.wrong.set(0)
	pass(2 * time.Second)
	stays("once the machine is right again", false)

	m.wrong.set(jump)
	pass(2 * time.Second)
	m.Observe(time.Now().Add(jump-4*time.Second), 2*time.Millisecond)
	if got := m.off(); got != jump || m.Status().Distrusted {
		t.Errorf("with a store that agrees with the machine: the time is %s off, want %s; status %+v", got, jump, m.Status())
	}
	pass(time.Minute)
	if got := m.off(); got != jump {
		t.Errorf("a minute later the time is %s off", got)
	}
	if n := strings.Count(m.log.String(), "\n"); n != 4 {
		t.Errorf("%d lines in the log, want one each for two jumps and two returns:\n%s", n, m.log.String())
	}
}

// A store is no authority: while the machine's clock runs steadily it changes nothing.
func TestStoreAloneSetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t)
		if m.Status().Observed {
			t.Error("the store was observed already")
		}
		for range 100 {
			m.Observe(time.Now().Add(year), 10*time.Millisecond)
			pass(time.Second)
		}
		if got := m.off(); got != 0 {
			t.Errorf("the time is %s off", got)
		}
		if s := m.Status(); !s.Observed || s.Distrusted || s.Offset != year+5*time.Millisecond {
			t.Errorf("status %+v, want an offset of %s", s, year)
		}
	})
}

func TestSuspend(t *testing.T) {
	tests := []struct {
		name         string
		slept, wrong time.Duration
		sleeps       int32
		distrusted   bool
		off          time.Duration
	}{
		{"a nap", 29 * time.Second, 0, 0, false, 0},
		{"a minute is known at once", time.Minute, 0, 1, false, 0},
		{"a night must be confirmed", 8 * time.Hour, 0, 1, true, -8 * time.Hour},
		{"a jump forward looks the same", 0, time.Minute, 1, false, time.Minute},
		{"a jump back is no sleep", 0, -time.Minute, 0, false, -time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := start(t)
				pass(10 * time.Second)
				m.slept.set(tt.slept)
				m.wrong.set(tt.wrong)
				pass(10 * time.Second)
				if m.sleeps.Load() != tt.sleeps || m.Status().Distrusted != tt.distrusted || m.off() != tt.off {
					t.Errorf("%d sleeps, %s off, status %+v", m.sleeps.Load(), m.off(), m.Status())
				}
				m.Observe(time.Now(), 0)
				if got := m.off(); got != tt.wrong {
					t.Errorf("after the store was asked the time is %s off, want %s", got, tt.wrong)
				}
			})
		})
	}
}

func TestDefaultsTellTheTime(t *testing.T) {
	c := wallclock.New(wallclock.Options{})
	before := time.Now().Round(0)
	got := c.Now()
	if after := time.Now().Round(0); got.Before(before.Add(-time.Second)) || got.After(after.Add(time.Second)) {
		t.Errorf("%s, want about %s", got, before)
	}
	if strings.Contains(got.String(), " m=") {
		t.Errorf("%s has a monotonic part: its difference to other times would hide jumps", got)
	}
	if n := testing.AllocsPerRun(100, func() { c.Now() }); n != 0 {
		t.Errorf("telling the time allocates %v times", n)
	}
}

func BenchmarkNow(b *testing.B) {
	c := wallclock.New(wallclock.Options{})
	for b.Loop() {
		c.Now()
	}
}

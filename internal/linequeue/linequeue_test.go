package linequeue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a writer that blocks, or fails, as long as a test wants.
type sink struct {
	gate chan struct{} // nil, or closed by [sink.open]; until then writing blocks

	mu   sync.Mutex
	fail error
	text bytes.Buffer
}

// blocked is a sink that takes nothing until it is opened.
func blocked() *sink { return &sink{gate: make(chan struct{})} }

func (s *sink) open() { close(s.gate) }

func (s *sink) Write(b []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	return s.text.Write(b)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *sink) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func notice(w io.Writer, lost int64) error {
	_, err := fmt.Fprintf(w, "lost %d\n", lost)
	return err
}

// start runs a queue; stop ends it and waits.
func start(t *testing.T, w io.Writer) (q *Queue, stop func()) {
	t.Helper()
	q = New(w, notice)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx, time.Second) })
	return q, func() { cancel(); running.Wait() }
}

func write(t *testing.T, w io.Writer, line string) {
	t.Helper()
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("writing %d bytes: %d, %v", len(line), n, err)
	}
}

func wantLost(t *testing.T, q *Queue, dropped, failed int64) {
	t.Helper()
	if d, f := q.Lost(); d != dropped || f != failed {
		t.Errorf("%d dropped, %d failed; want %d and %d", d, f, dropped, failed)
	}
}

// TestOrder: everything is written, in order, also what is left when the process ends.
func TestOrder(t *testing.T) {
	var s sink
	q, stop := start(t, &s)
	var want strings.Builder
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		write(t, q, line)
	}
	stop()
	if got := s.String(); got != want.String() {
		t.Errorf("%d bytes were written, want %d", len(got), want.Len())
	}
	wantLost(t, q, 0, 0)
}

// TestBlocked: a writer that blocks holds up nobody, what waits is bounded in lines and in bytes, and once it takes lines again it
// is told how many were lost.
func TestBlocked(t *testing.T) {
	for name, tc := range map[string]struct {
		line string
		kept int
	}{
		"many lines": {"x\n", maxLines},
		"long lines": {strings.Repeat("x", 64<<10-1) + "\n", maxBytes / (64 << 10)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := blocked()
				q, stop := start(t, s)
				write(t, q, "first\n")
				for range tc.kept + 10 { // the first one may wait, or be under way
					write(t, q, tc.line)
				}
				dropped, _ := q.Lost()
				if q.bytes.Load() > maxBytes || dropped < 9 || dropped > 11 {
					t.Errorf("%d bytes wait, %d lines were dropped", q.bytes.Load(), dropped)
				}
				s.open()
				synctest.Wait()
				write(t, q, "last\n")
				stop()
				want := "first\n" + strings.Repeat(tc.line, tc.kept+10-int(dropped)) + fmt.Sprintf("lost %d\nlast\n", dropped)
				if got := s.String(); got != want {
					t.Errorf("%d bytes were written, want %d; they end with %q", len(got), len(want), got[max(0, len(got)-40):])
				}
				if n := q.bytes.Load(); n != 0 {
					t.Errorf("%d bytes wait for ever", n)
				}
			})
		})
	}
}

// TestTooLong: what alone is more than the bound is dropped.
func TestTooLong(t *testing.T) {
	var s sink
	q, stop := start(t, &s)
	write(t, q, strings.Repeat("x", maxBytes+1))
	write(t, q, "last\n")
	stop()
	if got := s.String(); got != "last\nlost 1\n" {
		t.Errorf("%q", got)
	}
}

// TestFailed: lines that cannot be written are counted, and told of when one can be; a notice that fails is tried again.
func TestFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		s.failWith(errors.New("broken pipe"))
		q, stop := start(t, &s)
		write(t, q, "a\n")
		write(t, q, "b\n")
		synctest.Wait()
		wantLost(t, q, 0, 2)
		s.failWith(nil)
		write(t, q, "c\n")
		stop()
		if got := s.String(); got != "c\nlost 2\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestEndBlocked: a writer that blocks does not hold up the end for longer than it may.
func TestEndBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := blocked()
		q, stop := start(t, s)
		write(t, q, "a\n")
		stop()
		s.open() // else its goroutine is a leak
	})
}

// TestControlBlocked: without a queue, who writes waits.
func TestControlBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := blocked()
		written := false
		go func() {
			write(t, s, "a\n")
			written = true
		}()
		time.Sleep(time.Hour) //nolint:forbidigo // nothing else runs in the bubble, and its time costs none
		if written {
			t.Error("the writer did not block; what the other tests show is worth nothing")
		}
		s.open()
	})
}

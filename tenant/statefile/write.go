package statefile

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/corsgate/corsgate/tenant/store"
)

// pieceSize is how much is written at once.
const pieceSize = 256 << 10

// writer appends records behind a place in a log. After an error it is of no use.
type writer struct {
	to   io.WriterAt
	pace *pace
	step func(string) error

	hash    xxhash.Digest
	written int64 // where the next piece goes
	buf     []byte
	records int
}

// end is where the log will end.
func (w *writer) end() int64 { return w.written + int64(len(w.buf)) }

func (w *writer) record(ctx context.Context, kind byte, id string, data []byte) error {
	start := len(w.buf)
	w.buf = appendRecord(w.buf, kind, id, data)
	return w.added(ctx, start)
}

// copied appends a record that is whole already.
func (w *writer) copied(ctx context.Context, raw []byte) error {
	start := len(w.buf)
	w.buf = append(w.buf, raw...)
	return w.added(ctx, start)
}

func (w *writer) added(ctx context.Context, start int) error {
	hashed(&w.hash, w.buf[start:])
	w.records++
	if len(w.buf) < pieceSize {
		return nil
	}
	return w.flush(ctx)
}

// commit ends a group of records.
func (w *writer) commit(s store.Saved) {
	start := len(w.buf)
	w.buf = appendCommit(w.buf, s, w.hash.Sum64())
	hashed(&w.hash, w.buf[start:])
}

func (w *writer) flush(ctx context.Context) error {
	if len(w.buf) == 0 {
		return nil
	}
	if w.end() > maxFile {
		return fmt.Errorf("writing the log: it would be larger than %d bytes", int64(maxFile))
	}
	if err := w.pace.wait(ctx, len(w.buf)); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if err := w.step("write"); err != nil {
		return err
	}
	n, err := w.to.WriteAt(w.buf, w.written)
	w.written += int64(n)
	w.buf = w.buf[:0]
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

// pace bounds the rate of writing.
type pace struct {
	rate int // bytes a second
	// hurried reports that the rate does not count now; nil for never.
	hurried func() bool
	next    time.Time
}

// wait waits until n bytes may be written. It fails when ctx ends.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.hurried != nil && p.hurried() {
		p.next = time.Time{}
		return ctx.Err()
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	pause := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	if !sleep(ctx, pause) {
		return ctx.Err()
	}
	return nil
}

// sleep waits; false means that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backOff is the pause after repeated failures.
type backOff struct{ pause time.Duration }

// Bounds of the pause.
const (
	minPause = time.Second
	maxPause = time.Minute
)

// failed gives the pause after one more failure.
func (b *backOff) failed() time.Duration {
	b.pause = min(max(2*b.pause, minPause), maxPause)
	return b.pause
}

func (b *backOff) worked() { b.pause = 0 }

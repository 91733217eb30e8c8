// Package linequeue puts a bounded queue of lines in front of a writer that may block or fail, such as standard error to a
// pipe that nobody reads. Who writes never waits: what does not fit is dropped and counted.
package linequeue

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Bounds of what waits.
const (
	maxLines = 4096
	maxBytes = 1 << 20
)

// Queue is the queue in front of one writer. It is safe for concurrent use. Make it with [New], and [Queue.Run] it.
type Queue struct {
	w      io.Writer
	notice func(w io.Writer, lost int64) error
	lines  chan []byte
	bytes  atomic.Int64 // of all lines that wait, with the one that is being written

	dropped, failed atomic.Int64
	told            int64 // of both, what notice has written; only Run's
}

// New makes a queue in front of w, which is used by one goroutine only. When lines were lost, notice is called to write to w
// how many, as soon as w takes lines again; nil says nothing.
func New(w io.Writer, notice func(w io.Writer, lost int64) error) *Queue {
	return &Queue{w: w, notice: notice, lines: make(chan []byte, maxLines)}
}

// Write queues one line, or more that belong together, and never waits. It returns no error: a line that is lost is counted.
func (q *Queue) Write(line []byte) (int, error) {
	n := int64(len(line))
	if q.bytes.Add(n) <= maxBytes {
		select {
		case q.lines <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	q.bytes.Add(-n)
	q.dropped.Add(1)
	return len(line), nil
}

// Lost is how many lines were dropped because the writer was too slow for them, and at how many it failed.
func (q *Queue) Lost() (dropped, failed int64) { return q.dropped.Load(), q.failed.Load() }

// Run writes what is queued until ctx ends, and then what is left, for at most flush. A write that blocks longer goes on in
// the goroutine of its own that it has, since nothing can interrupt it: call Run when the process is about to end anyway.
func (q *Queue) Run(ctx context.Context, flush time.Duration) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		q.write(ctx)
	}()
	<-ctx.Done()
	timer := time.NewTimer(flush)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// write is all that touches the writer.
func (q *Queue) write(ctx context.Context) {
	for {
		select {
		case line := <-q.lines:
			q.put(line)
		case <-ctx.Done():
			for len(q.lines) > 0 {
				q.put(<-q.lines)
			}
			return
		}
	}
}

func (q *Queue) put(line []byte) {
	_, err := q.w.Write(line)
	q.bytes.Add(-int64(len(line)))
	if err != nil {
		q.failed.Add(1)
		return
	}
	q.tell()
}

// tell writes how many lines were lost. It waits until all that were kept are written: they are older, and a writer that is
// always behind has no time for more lines.
func (q *Queue) tell() {
	lost := q.dropped.Load() + q.failed.Load()
	if q.notice == nil || lost == q.told || len(q.lines) > 0 {
		return
	}
	if q.notice(q.w, lost-q.told) == nil {
		q.told = lost
	}
}

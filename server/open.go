package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxFree is how many stream values are kept for later streams; more than that are in flight at once only
// while applications are slow.
const maxFree = 1024

// openStreams are the streams that are open. They are counted, and their values used again, and those that say
// nothing, or last too long, are ended: by the clock of [Service.Run], since a timer and a context for each would
// cost more than the decision.
type openStreams struct {
	period      time.Duration
	first, life int64 // ticks of period

	mu   sync.Mutex // guards what follows
	now  int64      // ticks
	n    int
	free []*stream
	// Both in the order in which their streams were opened. A stream that has spoken is moved when it is looked at.
	silent, spoken queue
}

// membership is a stream's place among the open streams.
type membership struct {
	in         *queue // nil: not open
	prev, next *stream
	opened     int64 // tick
	ended      bool  // by us
	transport  ender
	spoke      atomic.Bool // a message has come
}

// ender is what grpc-go's own server ends a stream with. A blocked RecvMsg can otherwise be ended through the context
// alone, which is made before we are asked. The test of stream times fails should a version of grpc-go
// not have it any more.
type ender interface {
	WriteStatus(st *status.Status) error
}

// ticksPerLimit is how finely the shorter of the two limits is measured.
const ticksPerLimit = 4

func newOpenStreams(first, life time.Duration) *openStreams {
	o := &openStreams{period: max(min(first, life)/ticksPerLimit, time.Millisecond)}
	ticks := func(d time.Duration) int64 { return int64((d + o.period - 1) / o.period) }
	o.first, o.life = ticks(first), ticks(life)
	return o
}

// open counts a stream in and returns a value for it, and how many are open now.
func (o *openStreams) open(ctx context.Context) (x *stream, n int) {
	transport, _ := grpc.ServerTransportStreamFromContext(ctx).(ender)
	o.mu.Lock()
	defer o.mu.Unlock()
	if last := len(o.free) - 1; last >= 0 {
		x, o.free[last], o.free = o.free[last], nil, o.free[:last]
	} else {
		x = new(stream)
	}
	x.opened, x.transport = o.now, transport
	o.silent.push(x)
	o.n++
	return x, o.n
}

// close counts a stream out. x must not be used any more.
func (o *openStreams) close(x *stream) {
	x.state = state{}
	o.mu.Lock()
	defer o.mu.Unlock()
	x.in.remove(x)
	o.n--
	x.transport, x.ended = nil, false
	x.spoke.Store(false)
	if len(o.free) < maxFree {
		o.free = append(o.free, x)
	}
}

func (o *openStreams) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}

// run ends overdue streams until ctx ends.
func (o *openStreams) run(ctx context.Context) {
	tick := time.NewTicker(o.period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, transport := range o.tick() {
				// It ends with an error, so that Envoy applies its failure mode instead of letting a response out that
				// we never saw. The error of writing means that it has ended by itself.
				_ = transport.WriteStatus(status.New(codes.DeadlineExceeded, "the stream was silent, or open, for too long"))
			}
		}
	}
}

// tick lets a period pass and returns the streams that are overdue now.
func (o *openStreams) tick() (overdue []ender) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now++
	end := func(x *stream) {
		if x.transport != nil && !x.ended {
			x.ended = true
			overdue = append(overdue, x.transport)
		}
	}
	for x := o.silent.first; x != nil && o.now-x.opened > min(o.first, o.life); {
		next := x.next
		if x.spoke.Load() {
			o.silent.remove(x)
			o.spoken.push(x)
		} else {
			end(x)
		}
		x = next
	}
	for x := o.spoken.first; x != nil && o.now-x.opened > o.life; x = x.next {
		end(x)
	}
	return overdue
}

// queue is a list of streams, the oldest first.
type queue struct{ first, last *stream }

func (q *queue) push(x *stream) {
	x.in, x.prev, x.next = q, q.last, nil
	if q.last == nil {
		q.first = x
	} else {
		q.last.next = x
	}
	q.last = x
}

func (q *queue) remove(x *stream) {
	if x.prev == nil {
		q.first = x.next
	} else {
		x.prev.next = x.next
	}
	if x.next == nil {
		q.last = x.prev
	} else {
		x.next.prev = x.prev
	}
	x.in, x.prev, x.next = nil, nil, nil
}

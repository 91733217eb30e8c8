package redistest

import (
	"net"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// wire is one proxied connection. Toxiproxy's own proxy leaves goroutines
// behind when a toxic ends a connection that bytes are still coming in on; this one does not.
type wire struct {
	client, upstream *net.TCPConn
	lanes            [2]*lane // what clients send, what comes back
	// closed tells the lanes that the connection is over.
	closed    chan struct{}
	closeOnce sync.Once
	running   sync.WaitGroup
}

// lane is one direction: reader → toxic → writer.
type lane struct {
	stub *toxics.ToxicStub
	in   chan *stream.StreamChunk
	out  chan *stream.StreamChunk
	// mu serialises changes of the toxic.
	mu sync.Mutex
}

// chunks is how many reads of one direction wait before and behind a toxic. It
// is large enough that replacing a toxic never waits for a peer that does not read.
const chunks = 1024

// readSize is the most that one chunk holds.
const readSize = 16 << 10

func newWire(client, upstream *net.TCPConn) *wire {
	w := &wire{client: client, upstream: upstream, closed: make(chan struct{})}
	for i := range w.lanes {
		in, out := make(chan *stream.StreamChunk, chunks), make(chan *stream.StreamChunk, chunks)
		w.lanes[i] = &lane{stub: toxics.NewToxicStub(in, out), in: in, out: out}
	}
	return w
}

// run starts both directions with a fault.
func (w *wire) run(f fault) {
	w.linger(f)
	for i, l := range w.lanes {
		from, to := w.client, w.upstream
		if i == 1 {
			from, to = to, from
		}
		w.running.Go(func() { w.read(l, from) })
		w.running.Go(func() { w.write(l, to) })
		w.start(l, f.on(i))
	}
	w.running.Go(func() {
		<-w.closed
		for _, l := range w.lanes {
			l.end()
		}
	})
}

// wait returns when the connection is closed and nothing of it runs.
func (w *wire) wait() { w.running.Wait() }

// cut closes the connection at both ends.
func (w *wire) cut() {
	w.closeOnce.Do(func() {
		close(w.closed)
		_ = w.client.Close()
		_ = w.upstream.Close()
	})
}

// apply replaces the toxic of both directions.
func (w *wire) apply(f fault) {
	w.linger(f)
	for i, l := range w.lanes {
		l.mu.Lock()
		if l.stub.InterruptToxic() {
			w.start(l, f.on(i))
		}
		l.mu.Unlock()
	}
}

// on is the toxic for a lane.
func (f fault) on(lane int) *toxics.ToxicWrapper {
	if lane == 0 && f.replies {
		return wrapped("noop", &toxics.NoopToxic{})()
	}
	return f.toxic()
}

func (w *wire) linger(f fault) {
	seconds := -1
	if f.abrupt {
		seconds = 0
	}
	_, _ = w.client.SetLinger(seconds), w.upstream.SetLinger(seconds) // fails when closed
}

// start runs a toxic. Those that close the lane by themselves end the connection by the writer.
func (w *wire) start(l *lane, toxic *toxics.ToxicWrapper) {
	if stateful, ok := toxic.Toxic.(toxics.StatefulToxic); ok {
		l.stub.State = stateful.NewState()
	}
	w.running.Go(func() { l.stub.Run(toxic) })
}

// end stops the toxic and closes the lane behind it.
func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stub.InterruptToxic() {
		l.stub.Close()
	}
}

// read passes what arrives to the toxic.
func (w *wire) read(l *lane, from *net.TCPConn) {
	defer close(l.in)
	for {
		buf := make([]byte, readSize)
		n, err := from.Read(buf)
		if n > 0 {
			select {
			case l.in <- &stream.StreamChunk{Data: buf[:n], Timestamp: time.Now()}:
			case <-w.closed:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// write sends what the toxic lets pass, and closes the connection when the toxic has ended.
func (w *wire) write(l *lane, to *net.TCPConn) {
	defer w.cut()
	failed := false
	for chunk := range l.out { // to the end, so that the toxic never waits for room
		if failed || len(chunk.Data) == 0 {
			continue
		}
		if _, err := to.Write(chunk.Data); err != nil {
			failed = true
			w.cut()
		}
	}
}

package redistest

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"
)

// Link is a TCP proxy in front of a server, with at most one fault at a time, a
// toxic of toxiproxy. A new fault replaces the one before, on open connections too.
type Link struct {
	tb     TB
	target string
	addr   string

	mu       sync.Mutex
	listener *net.TCPListener // nil while down
	fault    fault
	wires    map[*wire]struct{}
	// running counts the accept loop and every wire.
	running sync.WaitGroup
}

// fault is what happens to the bytes of both directions.
type fault struct {
	toxic func() *toxics.ToxicWrapper
	// replies leaves what clients send alone.
	replies bool
	// abrupt closes with a reset instead of an end.
	abrupt bool
	// cuts ends the connections that the fault was in force on when it is replaced.
	cuts bool
}

// Proxy listens on a free port for a target, a host and port, until the test ends.
func Proxy(tb TB, target string) *Link {
	tb.Helper()
	l := &Link{tb: tb, target: target, addr: "127.0.0.1:0", wires: make(map[*wire]struct{})}
	l.Heal()
	tb.Cleanup(l.close)
	return l
}

// Addr is the host and port to connect to, the same for as long as the link is there.
func (l *Link) Addr() string { return l.addr }

// Heal removes the fault and listens again. Connections that were in a [Link.BlackHole] are closed,
// since bytes of theirs are lost.
func (l *Link) Heal() {
	l.tb.Helper()
	l.set(fault{toxic: wrapped("noop", &toxics.NoopToxic{})})
	l.Up()
}

// Latency delays what passes in each direction, by d with a random difference of up to jitter.
func (l *Link) Latency(d, jitter time.Duration) {
	l.set(fault{toxic: wrapped("latency", &toxics.LatencyToxic{Latency: d.Milliseconds(), Jitter: jitter.Milliseconds()})})
}

// BlackHole loses every byte of both directions; connections are accepted and stay open.
func (l *Link) BlackHole() {
	l.set(fault{toxic: wrapped("timeout", &toxics.TimeoutToxic{}), cuts: true})
}

// BandwidthZero holds every byte back until the fault is replaced.
func (l *Link) BandwidthZero() {
	l.set(fault{toxic: wrapped("hold", hold{})})
}

// ResetPeer resets every open connection, and new ones at their first byte.
func (l *Link) ResetPeer() {
	l.set(fault{toxic: wrapped("reset_peer", &toxics.ResetToxic{}), abrupt: true})
	l.cut()
}

// LimitData closes a connection after n bytes from the target, counted from now.
func (l *Link) LimitData(n int64) {
	l.set(fault{toxic: wrapped("limit_data", &toxics.LimitDataToxic{Bytes: n}), replies: true})
}

// Slicer cuts what passes into pieces of about n bytes.
func (l *Link) Slicer(n int) {
	l.set(fault{toxic: wrapped("slicer", &toxics.SlicerToxic{AverageSize: n})})
}

// Down closes every connection and refuses new ones.
func (l *Link) Down() {
	l.mu.Lock()
	if l.listener != nil {
		_ = l.listener.Close()
		l.listener = nil
	}
	l.mu.Unlock()
	l.cut()
}

// Up accepts connections again after [Link.Down], on the same port.
func (l *Link) Up() {
	l.tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		return
	}
	ln, err := net.Listen("tcp", l.addr) //nolint:noctx // returns at once
	if err != nil {
		l.tb.Fatalf("listening for %s: %v", l.target, err)
	}
	listener, ok := ln.(*net.TCPListener)
	if !ok {
		l.tb.Fatalf("listening for %s: got a %T", l.target, ln)
	}
	l.addr, l.listener = ln.Addr().String(), listener
	l.running.Go(func() { l.accept(listener) })
}

// Connections is the number of open connections.
func (l *Link) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wires)
}

func (l *Link) close() {
	l.Down()
	l.running.Wait()
}

func wrapped(kind string, toxic toxics.Toxic) func() *toxics.ToxicWrapper {
	return func() *toxics.ToxicWrapper {
		return &toxics.ToxicWrapper{Toxic: toxic, Type: kind, Toxicity: 1}
	}
}

// hold is a bandwidth of nothing; that of toxiproxy wakes up ten times a second and logs.
type hold struct{}

// Pipe lets bytes wait where they are.
func (hold) Pipe(stub *toxics.ToxicStub) { <-stub.Interrupt }

func (l *Link) set(f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.fault
	l.fault = f
	for w := range l.wires {
		if old.cuts {
			w.cut()
			continue
		}
		w.apply(f)
	}
}

func (l *Link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.wires {
		w.cut()
	}
}

func (l *Link) accept(listener *net.TCPListener) {
	for {
		client, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		l.running.Go(func() { l.connect(listener, client) })
	}
}

// connect serves one connection until it ends.
func (l *Link) connect(listener *net.TCPListener, client *net.TCPConn) {
	conn, err := net.DialTimeout("tcp", l.target, patience) //nolint:noctx // bounded by its time-out
	if err != nil {
		_ = client.Close()
		return
	}
	upstream, ok := conn.(*net.TCPConn)
	if !ok {
		_ = client.Close()
		_ = conn.Close()
		return
	}
	w := newWire(client, upstream)
	l.mu.Lock()
	if l.listener != listener { // went down meanwhile
		l.mu.Unlock()
		w.cut()
		return
	}
	l.wires[w] = struct{}{}
	w.run(l.fault)
	l.mu.Unlock()

	w.wait()
	l.mu.Lock()
	delete(l.wires, w)
	l.mu.Unlock()
}

package app

import (
	"net"
	"sync"
)

// pipes is a listener in memory that counts the connections that are open.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	end    sync.Once

	mu         sync.Mutex
	open, peak int
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// dial connects; the server may accept later.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	go func() {
		select {
		case p.conns <- server:
		case <-p.closed:
			_ = server.Close()
		}
	}()
	return client
}

// most is the largest number of connections that were open at once.
func (p *pipes) most() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// count counts an accepted connection, or one that was closed.
func (p *pipes) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += n
	p.peak = max(p.peak, p.open)
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		p.count(1)
		return &counted{Conn: conn, pipes: p}, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.end.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	pipes *pipes
	once  sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.pipes.count(-1) })
	return c.Conn.Close()
}

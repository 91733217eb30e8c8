package redisstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// connections makes the connections of one client and can end all of them at once, which the library
// cannot: a read that waits for a change ends no other way, and connections to a server that
// is loading, or has become a replica, are to be made anew, where the primary is by then.
type connections struct {
	tls func() (*tls.Config, error)
	// cut is how much of a string of a reply is read.
	cut int

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newConnections(opt Options, cut int) *connections {
	return &connections{tls: opt.TLS, cut: cut, open: make(map[*connection]struct{})}
}

// dial connects, with TLS if there is any, within ctx.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	// Keep-alives notice a peer that vanished while a connection is idle.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	raw, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: raw, raw: raw, owner: c}
	if c.tls != nil {
		if conn.Conn, err = c.handshake(ctx, raw, address); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("TLS with %s: %w", address, err)
		}
	}
	conn.replies = newReplies(conn.Conn, c.cut)
	c.mu.Lock()
	c.open[conn] = struct{}{}
	c.mu.Unlock()
	return conn, nil
}

func (c *connections) handshake(ctx context.Context, raw net.Conn, address string) (net.Conn, error) {
	given, err := c.tls()
	if err != nil {
		return nil, err
	}
	config := given.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	conn := tls.Client(raw, config)
	return conn, conn.HandshakeContext(ctx)
}

// closeAll ends all connections, also those in use.
func (c *connections) closeAll() {
	c.mu.Lock()
	open := c.open
	c.open = make(map[*connection]struct{})
	c.mu.Unlock()
	for conn := range open {
		_ = conn.Close()
	}
}

// connection is one connection that its owner knows until it is closed, with replies of bounded size.
type connection struct {
	net.Conn
	raw     net.Conn
	owner   *connections
	replies *replies
}

// Write sends a request, to which the replies have bounds of their own.
func (c *connection) Write(p []byte) (int, error) {
	c.replies.elements = 0
	return c.Conn.Write(p)
}

// Read receives a part of the replies. Requests and replies take turns, in one goroutine.
func (c *connection) Read(p []byte) (int, error) { return c.replies.Read(p) }

// Close ends the connection at once; TLS would first try to say goodbye.
func (c *connection) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.raw.Close()
}

// SyscallConn is what the library looks at before it uses an idle connection again: a socket that is closed,
// by either side, or in which something lies that nobody asked for, is not. Under TLS that may also be
// a renewed key, which costs no more than a new connection.
func (c *connection) SyscallConn() (syscall.RawConn, error) {
	socket, ok := c.raw.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a connection of type %T has no socket", c.raw)
	}
	return socket.SyscallConn()
}

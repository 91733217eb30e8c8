package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// client sends the bytes of requests over kept-alive connections and reads as little as shows that
// the answers are right. It is no HTTP client: on a small machine it must leave the cores to
// what is measured.
type client struct {
	conns []*lane
}

// lane is one connection, with one request at a time.
type lane struct {
	conn  net.Conn
	buf   []byte
	times []time.Duration
}

func dial(ctx context.Context, addr string, connections int) (*client, error) {
	c := &client{}
	for range connections {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.conns = append(c.conns, &lane{conn: conn, buf: make([]byte, 16<<10)})
	}
	return c, nil
}

func (c *client) close() error {
	var failed error
	for _, l := range c.conns {
		failed = errors.Join(failed, l.conn.Close())
	}
	return failed
}

// expire bounds how long answers may take after the end of a window.
func (c *client) expire(end time.Time) error {
	for _, l := range c.conns {
		if err := l.conn.SetDeadline(end.Add(patience)); err != nil {
			return err
		}
	}
	return nil
}

// requests gives the bytes of the n-th request of a lane.
type requests func(lane, n int) []byte

func always(request []byte) requests { return func(int, int) []byte { return request } }

// saturate sends for a while as fast as answers come, and returns how many came.
func (c *client) saturate(ctx context.Context, window time.Duration, req requests, want expect) (int, error) {
	var done atomic.Int64
	end := time.Now().Add(window)
	if err := c.expire(end); err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range c.conns {
		group.Go(func() error {
			n := 0
			defer func() { done.Add(int64(n)) }()
			for ; time.Now().Before(end) && ctx.Err() == nil; n++ {
				if err := l.ask(req(i, n), want); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	return int(done.Load()), err
}

// pace sends at a fixed rate a second, whatever the answers do, and returns how long each took
// from the moment at which it was due, when its connection was late, or was sent.
func (c *client) pace(ctx context.Context, window time.Duration, rate float64, req requests, want expect) ([]time.Duration, error) {
	every := time.Duration(float64(time.Second) / rate)
	began := time.Now()
	if err := c.expire(began.Add(window)); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range c.conns {
		l.times = l.times[:0]
		group.Go(func() error {
			for n := 0; ctx.Err() == nil; n++ {
				due := time.Duration(n*len(c.conns)+i) * every
				if due >= window {
					return nil
				}
				from := began.Add(due)
				if wait := time.Until(from); wait > 0 {
					// Go's own timers have a grain of a millisecond, in which the lanes would run together.
					ts := unix.NsecToTimespec(int64(wait))
					_ = unix.Nanosleep(&ts, nil)
					from = time.Now() // late by the kernel's doing, not the server's
				}
				if err := l.ask(req(i, n), want); err != nil {
					return err
				}
				l.times = append(l.times, time.Since(from))
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []time.Duration
	for _, l := range c.conns {
		all = append(all, l.times...)
	}
	slices.Sort(all)
	return all, nil
}

// ask sends a request and reads its response.
func (l *lane) ask(request []byte, want expect) error {
	if _, err := l.conn.Write(request); err != nil {
		return err
	}
	got := 0
	for {
		n, err := l.conn.Read(l.buf[got:])
		if err != nil {
			return fmt.Errorf("reading a response: %w", err)
		}
		got += n
		end := bytes.Index(l.buf[:got], []byte("\r\n\r\n"))
		if end < 0 {
			continue
		}
		head := l.buf[:end+4]
		if got < len(head)+length(head) {
			continue
		}
		return want.check(head)
	}
}

// length is the Content-Length of a response's head; no answer of the bench is chunked.
func length(head []byte) int {
	_, rest, found := bytes.Cut(head, []byte("\r\ncontent-length: "))
	if !found {
		return 0
	}
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, _ := strconv.Atoi(string(digits))
	return n
}

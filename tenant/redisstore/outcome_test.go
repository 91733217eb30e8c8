package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// breakage is where a connection is cut.
type breakage int

const (
	// beforeExec: the commands have arrived, EXEC has not.
	beforeExec breakage = iota
	// beforeReply: everything has arrived, and no reply to it comes back.
	beforeReply
	// silence: as before, and the connection stays open.
	silence
)

// cutter passes connections on to a server and cuts each in its second transaction: the first one only
// looks at the clock.
type cutter struct {
	net.Listener
	where       breakage
	connections atomic.Int64
	// reached is closed at the first cut.
	reached chan struct{}
	once    sync.Once
}

func newCutter(t *testing.T, server *redistest.Server, where breakage) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: ln, where: where, reached: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			c.connections.Add(1)
			running.Go(func() { c.serve(t, client, server.Addr()) })
		}
	})
	t.Cleanup(func() { ln.Close(); running.Wait() })
	return c
}

func (c *cutter) serve(t *testing.T, client net.Conn, target string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		t.Error(err)
		return
	}
	defer upstream.Close()
	var deaf atomic.Bool
	var replies sync.WaitGroup
	defer replies.Wait()
	defer upstream.Close()
	replies.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := upstream.Read(buf)
			if err != nil {
				return
			}
			if !deaf.Load() {
				client.Write(buf[:n])
			}
		}
	})
	exec := []byte("*1\r\n$4\r\nexec\r\n")
	var sent []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		before := len(sent)
		sent = append(sent, buf[:n]...)
		if bytes.Count(sent, exec) < 2 {
			upstream.Write(buf[:n])
			continue
		}
		deaf.Store(true)
		if c.where == beforeExec {
			upstream.Write(sent[before:bytes.LastIndex(sent, exec)])
		} else {
			upstream.Write(buf[:n])
		}
		c.once.Do(func() { close(c.reached) })
		if c.where != silence {
			return
		}
		io.Copy(io.Discard, client)
		return
	}
}

// A connection that breaks between MULTI and EXEC changes nothing. One that breaks after EXEC does, and
// neither is tried again: who called does not know which it was, and is told what to look at.
func TestConnectionBreaksInTransaction(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	direct := patient(t, server)
	writes := map[string]struct {
		write func(context.Context, *redisstore.Store) error
		check string
		done  func() bool
	}{
		"Apply": {
			func(ctx context.Context, s *redisstore.Store) error {
				_, err := s.Apply(ctx, []store.Edit{put(1, "a", "new.example"), put(0, "b", "b.example")}, ana())
				return err
			},
			"tenant a has revision 2 by ana",
			func() bool { return base(t, direct, "a") == 2 && base(t, direct, "b") == 1 },
		},
		"Confirm": {
			func(ctx context.Context, s *redisstore.Store) error { _, err := s.Confirm(ctx, ana()); return err },
			"the field confirmed of the key {corsgate}:meta is ",
			func() bool { return server.Do("HEXISTS", prefix+"meta", "confirmed") == int64(1) },
		},
	}
	for name, w := range writes {
		for _, where := range []breakage{beforeExec, beforeReply, silence} {
			t.Run(fmt.Sprint(name, " ", where), func(t *testing.T) {
				server.Do("FLUSHALL")
				applied(t, direct, put(0, "a", "a.example"))
				check := unchanged(t, server)
				multis := server.CommandStats()["multi"].Calls
				c := newCutter(t, server, where)
				s := openAt(t, c.Addr().String(), nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if where == silence {
					go func() { <-c.reached; cancel() }()
				}
				err := w.write(ctx, s)
				if !errors.Is(err, redisstore.ErrOutcomeUnknown) || !strings.Contains(err.Error(), w.check) {
					t.Errorf("the error is %v", err)
				}
				if where == silence && !errors.Is(err, context.Canceled) {
					t.Errorf("the error is %v", err)
				}
				if n := c.connections.Load(); n != 1 {
					t.Errorf("%d connections", n)
				}
				if where == beforeExec {
					eventually(t, func() bool { // until the server has got all of it and has noticed the end
						list, _ := server.Do("CLIENT", "LIST").(string)
						return server.CommandStats()["multi"].Calls == multis+2 && strings.Count(list, " multi=") == strings.Count(list, " multi=-1")
					})
					check()
				} else {
					eventually(t, w.done)
				}
			})
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !condition(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the condition does not come true")
		}
	}
}

// A server that stops answering costs what the context allows; so does one that is not there.
func TestWritesEnd(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	calls := map[string]func(context.Context, *redisstore.Store) error{
		"Apply": func(ctx context.Context, s *redisstore.Store) error {
			_, err := s.Apply(ctx, []store.Edit{put(0, "a")}, ana())
			return err
		},
		"Confirm": func(ctx context.Context, s *redisstore.Store) error { _, err := s.Confirm(ctx, ana()); return err },
		"History": func(ctx context.Context, s *redisstore.Store) error { _, err := s.History(ctx, "a", 1); return err },
	}
	server.Stop()
	for name, call := range calls {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := call(ctx, s)
		cancel()
		if d := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redisstore.ErrOutcomeUnknown) || d < 250*time.Millisecond || d > 2*time.Second {
			t.Errorf("%s with a deadline: %v after %v", name, err, d)
		}
		ctx, cancel = context.WithCancel(t.Context())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		begin = time.Now()
		err = call(ctx, s)
		timer.Stop()
		cancel()
		if d := time.Since(begin); !errors.Is(err, context.Canceled) || d > 2*time.Second {
			t.Errorf("%s cancelled: %v after %v", name, err, d)
		}
	}
	server.Cont()
	server.Kill()
	for name, call := range calls {
		begin := time.Now()
		err := call(t.Context(), s)
		if d := time.Since(begin); err == nil || errors.Is(err, redisstore.ErrOutcomeUnknown) || d > 2*time.Second {
			t.Errorf("%s without a server: %v after %v", name, err, d)
		}
	}
}

// A write may take longer than the time-outs that are made for reads.
func TestWritesArePatient(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	link := redistest.Proxy(t, server.Addr())
	s := openAt(t, link.Addr(), func(o *redisstore.Options) { o.Timeout, o.DialTimeout = 50*time.Millisecond, 10*time.Second })
	link.Latency(60*time.Millisecond, 0)
	applied(t, s, put(0, "a", "a.example"))
}

package redistest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/internal/redistest"
)

// echo is a server that returns what it gets.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// say sends a message and returns what comes back within wait, and why there was no more.
func say(t *testing.T, conn net.Conn, message string, wait time.Duration) (string, error) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, message); err != nil {
		return "", err
	}
	got := make([]byte, len(message))
	n, err := io.ReadFull(conn, got)
	return string(got[:n]), err
}

const (
	long  = 5 * time.Second
	short = 50 * time.Millisecond
)

func wantEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, err := say(t, conn, "hello", long); got != "hello" || err != nil {
		t.Fatalf("the echo is %q, %v", got, err)
	}
}

func wantSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, err := say(t, conn, "hello", short); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %q, %v; want nothing until the deadline", got, err)
	}
}

// wantClosed waits until the other end has closed conn, and says whether by a reset.
func wantClosed(t *testing.T, conn net.Conn) (reset bool) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(long)); err != nil {
		t.Fatal(err)
	}
	_, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is still open")
	}
	return errors.Is(err, syscall.ECONNRESET)
}

func TestLinkFaults(t *testing.T) {
	l := redistest.Proxy(t, echo(t))
	conn := dial(t, l.Addr())
	wantEcho(t, conn)

	l.Latency(40*time.Millisecond, 0)
	start := time.Now()
	wantEcho(t, conn)
	if d := time.Since(start); d < 80*time.Millisecond {
		t.Errorf("40 ms each way took %v", d)
	}

	l.Slicer(3)
	wantEcho(t, conn)

	l.BandwidthZero()
	wantSilence(t, conn)
	l.Heal()
	if err := conn.SetDeadline(time.Now().Add(long)); err != nil {
		t.Fatal(err)
	}
	late := make([]byte, 5)
	if _, err := io.ReadFull(conn, late); err != nil || string(late) != "hello" {
		t.Errorf("after healing %q, %v arrives; want what was held back", late, err)
	}

	l.BlackHole()
	wantSilence(t, conn)
	wantSilence(t, dial(t, l.Addr()))
	l.Heal()
	wantClosed(t, conn) // bytes of it are lost

	conn = dial(t, l.Addr())
	wantEcho(t, conn)
	l.LimitData(7)
	if got, err := say(t, conn, "hello, world", long); got != "hello, " || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("limited to 7 bytes: %q, %v", got, err)
	}
	wantEcho(t, dialHealed(t, l))
}

func dialHealed(t *testing.T, l *redistest.Link) net.Conn {
	t.Helper()
	l.Heal()
	return dial(t, l.Addr())
}

func TestLinkResets(t *testing.T) {
	l := redistest.Proxy(t, echo(t))
	conn := dial(t, l.Addr())
	wantEcho(t, conn)
	l.ResetPeer()
	if !wantClosed(t, conn) {
		t.Error("an open connection ended without a reset")
	}
	conn = dial(t, l.Addr())
	if _, err := say(t, conn, "hello", long); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a new connection ended with %v, want a reset", err)
	}
	wantEcho(t, dialHealed(t, l))
}

func TestLinkDownAndUp(t *testing.T) {
	l := redistest.Proxy(t, echo(t))
	addr := l.Addr()
	conn := dial(t, addr)
	wantEcho(t, conn)
	for range 3 {
		l.Down()
		wantClosed(t, conn)
		if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			if err == nil {
				c.Close()
			}
			t.Errorf("while down a connection gives %v, want refused", err)
		}
		l.Up()
		if l.Addr() != addr {
			t.Fatalf("up again at %s, was at %s", l.Addr(), addr)
		}
		conn = dial(t, addr)
		wantEcho(t, conn)
	}
}

func TestLinkWithoutTarget(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	wantClosed(t, dial(t, redistest.Proxy(t, addr).Addr()))
}

// Whatever the fault, and however much is under way, nothing runs any more when the link has ended.
func TestLinkLeavesNothingBehind(t *testing.T) {
	faults := map[string]func(*redistest.Link){
		"none": func(*redistest.Link) {}, "latency": func(l *redistest.Link) { l.Latency(time.Hour, time.Minute) },
		"black hole": (*redistest.Link).BlackHole, "bandwidth": (*redistest.Link).BandwidthZero, "reset": (*redistest.Link).ResetPeer,
		"limit": func(l *redistest.Link) { l.LimitData(100_000) }, "slicer": func(l *redistest.Link) { l.Slicer(1000) }, "down": (*redistest.Link).Down,
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			err := redistest.Run(t.Context(), func(tb redistest.TB) {
				target := flood(tb)
				l := redistest.Proxy(tb, target)
				for _, early := range []bool{true, false} {
					if !early {
						fault(l)
					}
					for range 3 {
						if conn, err := net.Dial("tcp", l.Addr()); err == nil {
							tb.Cleanup(func() { conn.Close() })
							_, _ = conn.Write(make([]byte, 1<<16))
						}
					}
				}
				if name == "limit" {
					l.Heal() // changing the fault while it ends connections
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// flood is a server that sends without end and reads nothing.
func flood(tb redistest.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	senders := make(chan struct{}, 64)
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			senders <- struct{}{}
			go func() {
				defer func() { stop(); conn.Close(); <-senders }()
				for block := bytes.Repeat([]byte("x"), 1<<16); ; {
					if _, err := conn.Write(block); err != nil {
						return
					}
				}
			}()
		}
	}()
	tb.Cleanup(func() {
		ln.Close()
		cancel()
		<-done
	})
	return ln.Addr().String()
}

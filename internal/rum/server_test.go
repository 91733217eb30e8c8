package rum

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listening runs the server of c until the test ends.
func listening(t *testing.T, c *Collector) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := c.Server(), make(chan error, 1)
	// Connections that net/http ends itself linger for half a second, whatever Close does.
	var open sync.WaitGroup
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Done()
		}
	}
	go func() { done <- server.Serve(Limit(l)) }()
	t.Cleanup(func() {
		defer open.Wait()
		if err := errors.Join(server.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return l.Addr().String()
}

// raw sends bytes and gives the first line that comes back.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(readTimeout - time.Second)) // nothing may wait for the rest of a request
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Errorf("no answer: %v", err)
	}
	return line
}

func TestServerOnTheWire(t *testing.T) {
	c, counted := collector(t, Options{})
	addr := listening(t, c)
	head := "POST " + Path + " HTTP/1.1\r\nHost: x\r\nOrigin: https://app.acme.example\r\n"
	body := oneReport(acme, `,"plain":{"ok":1}`)
	tests := []struct{ name, request, want string }{
		{"a beacon", fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body), "HTTP/1.1 204 "},
		{"in chunks", fmt.Sprintf("%sConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body), "HTTP/1.1 204 "},
		{"a gigabyte is announced and not awaited", head + "Content-Length: 1000000000\r\n\r\n", "HTTP/1.1 204 "},
		{"chunks without an end", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(fmt.Sprintf("400\r\n%s\r\n", strings.Repeat("x", 1024)), 4), "HTTP/1.1 204 "},
		{"too many headers", head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"no HTTP", "\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 400 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := raw(t, addr, tt.request); !strings.HasPrefix(got, tt.want) {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
	want := map[string]int{"report accepted": 2, "ok false": 2, "report oversize": 2}
	if diff := cmp.Diff(want, counted.all()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

// Who is slow loses its connection, and while all are taken the next one waits.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, counted := collector(t, Options{})
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := c.Server()
		done := make(chan error, 1)
		go func() { done <- server.Serve(Limit(l)) }()

		slow := make([]net.Conn, maxConnections)
		for i := range slow {
			slow[i] = l.dial()
			go func() { _, _ = io.WriteString(slow[i], "POST "+Path+" HTTP/1.1\r\nContent-Length: 10\r\n") }()
		}
		synctest.Wait() // all of them are in
		began := time.Now()
		next := l.dial()
		body := oneReport(acme, "")
		go func() {
			_, _ = fmt.Fprintf(next, "POST %s HTTP/1.1\r\nHost: x\r\nOrigin: https://app.acme.example\r\nContent-Length: %d\r\n\r\n%s", Path, len(body), body)
		}()
		answer, err := http.ReadResponse(bufio.NewReader(next), nil)
		if err != nil || answer.StatusCode != http.StatusNoContent {
			t.Errorf("the next client gets %v, %v", answer, err)
		}
		if waited := time.Since(began); waited < readTimeout || waited > 2*readTimeout {
			t.Errorf("the next client waited %s; slow ones have %s", waited, readTimeout)
		}
		_ = next.Close()
		for _, conn := range slow {
			_ = conn.Close()
		}
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		<-done
		if diff := cmp.Diff(map[string]int{"report accepted": 1}, counted.all()); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
	})
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

// dial connects; the server may accept later.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	go func() {
		select {
		case p.conns <- server:
		case <-p.closed:
		}
	}()
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

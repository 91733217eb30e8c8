package demo

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestUnusedConnectionDoesNotHoldUpTheEnd: Chromium opens connections in advance, and
// http.Server.Shutdown waits five seconds for such a one.
func TestUnusedConnectionDoesNotHoldUpTheEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{failed: make(chan error, 1)}
	d.serve(t.Context(), l, http.NotFoundHandler())
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// The server has taken the first connection once it answers on a second one.
	resp, err := newClient().Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	began := time.Now()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		_ = c.Close()
		t.Error("the port still takes connections")
	}
}

// TestStopUndoesInReverse: every step is undone, the last one first, whatever fails.
func TestStopUndoesInReverse(t *testing.T) {
	var order string
	broken := errors.New("broken")
	d := &demo{}
	d.later(func() error { order += "a"; return nil })
	d.later(func() error { order += "b"; return broken })
	d.later(func() error { order += "c"; return nil })
	if err := d.stop(); !errors.Is(err, broken) || order != "cba" {
		t.Errorf("undone in the order %q with %v", order, err)
	}
}

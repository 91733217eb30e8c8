package app

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/rum"
)

func TestReportsAreCollected(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	cfg.RUM.Listen = "127.0.0.1:0"
	p := start(t, cfg)
	p.awaitReady(t)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(method, origin string) int {
		body := strings.NewReader(`{"v":1,"reports":[{"api":"https://api.acme.example","plain":{"cors_blocked":1}}]}`)
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.RUMAddr().String()+rum.Path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := send(http.MethodOptions, "https://app.acme.example"); got != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS: status %d", got)
	}
	for origin, want := range map[string]int{"https://evil.example": 0, "https://app.acme.example": 1} {
		before := p.collector.Networks()
		if got := send(http.MethodPost, origin); got != http.StatusNoContent {
			t.Errorf("a beacon of %s: status %d", origin, got)
		}
		if got := p.collector.Networks() - before; got != want {
			t.Errorf("a beacon of %s was believed %d times, want %d: the policy decides", origin, got, want)
		}
	}
	addr := p.RUMAddr().String()
	p.stop(t)
	for _, want := range []string{"collector of reports closed", "rum=" + addr, "all reports of pages count as one client"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	dialer := net.Dialer{}
	if conn, err := dialer.DialContext(t.Context(), "tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("the collector still listens after the stop")
	}
}

func TestNobodyCollectsByDefault(t *testing.T) {
	p := start(t, settings(t, "https://app.acme.example"))
	p.awaitReady(t)
	if p.RUMAddr() != nil {
		t.Errorf("reports are collected at %s", p.RUMAddr())
	}
}

func TestCollectorNeedsItsAddress(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cfg.RUM.Listen = taken.Addr().String()
	if _, err := New(t.Context(), cfg, Log{Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("New bound an address that is taken")
	}
}

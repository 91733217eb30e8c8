package probe_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/probe"
)

// A prober goes on until it is told to stop; its results can be scraped, and what it found once is corrected later.
func TestRepeat(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	r, addr := newRegistry(t, probeTenant)
	edge := serve(t, gateway(t, documents(t, acme), func(q *http.Request, _ *int, h http.Header) {
		if broken.Load() && q.Header.Get("Origin") == "" {
			h.Del("Vary")
		}
	}))
	p, err := probe.New(probe.Options{
		Targets: []probe.Target{target(edge)}, Source: sourceOf(t, acme),
		Nonce: &probe.Nonce{Store: r, Tenant: "probe", Target: target(addr), By: "prober"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan *probe.Report)
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, probe.Repeat{
			Interval: 10 * time.Millisecond, NonceInterval: time.Hour, Listener: l, Each: func(r *probe.Report) { reports <- r },
		})
	}()
	const failing = `cors_probe_success{cors_probe_case="no_origin",cors_probe_path="edge"} 0`
	if r := <-reports; r.Counts.Fail != 1 || !strings.Contains(scrape(t, l.Addr().String()), failing) {
		t.Errorf("the first run:\n%s", text(t, r))
	}
	writes := r.applied
	broken.Store(false)
	<-reports // may have begun before
	last := <-reports
	if last.Counts.Fail != 0 || last.Counts.Unasked != 0 {
		t.Errorf("a later run:\n%s", text(t, last))
	}
	got := scrape(t, l.Addr().String())
	for _, line := range []string{strings.Replace(failing, "} 0", "} 1", 1), `cors_probe_propagation_seconds{cors_probe_change="revoke"} `, "cors_probe_last_run_timestamp_seconds "} {
		if !strings.Contains(got, line) {
			t.Errorf("no %s in\n%s", line, got)
		}
	}
	if r.applied != writes {
		t.Error("propagation was measured again")
	}
	go func() {
		for r := range reports {
			_ = r // the runs in between do not matter
		}
	}()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(reports)
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

func scrape(t *testing.T, addr string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%v, %s, %v", err, res.Status, res.Header)
	}
	return string(body)
}

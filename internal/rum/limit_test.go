package rum

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// from is a beacon of a client.
func from(addr, body string) *http.Request {
	r := post(body)
	r.RemoteAddr = addr
	return r
}

// spread is a client in the i-th network.
func spread(i int) string { return fmt.Sprintf("10.%d.%d.7:4711", i/256%256, i%256) }

func TestLimitOfNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, counted := collector(t, Options{})
		body := oneReport(acme, `,"plain":{"ok":1}`)
		for i := range 15 { // addresses of one /24
			serve(c, from(fmt.Sprintf("192.0.2.%d:99", i), body))
		}
		for i := range 15 { // and of one /56
			serve(c, from(fmt.Sprintf("[2001:db8:0:%x::%d]:99", i, i), body))
		}
		want := map[string]int{"report accepted": 20, "ok false": 20, "report limited": 10}
		if diff := cmp.Diff(want, counted.all()); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
		time.Sleep(30 * time.Second) //nolint:forbidigo // the clock of the bubble
		for range 15 {
			serve(c, from("192.0.2.1:99", body))
		}
		if got := counted.all()["report accepted"]; got != 25 {
			t.Errorf("half a minute later %d are accepted in all, want 25", got)
		}
	})
}

func TestLimitOfTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, counted := collector(t, Options{})
		for i := range 700 {
			serve(c, from(spread(i), oneReport(acme, "")))
		}
		r := from(spread(1000), oneReport("https://api.other.example", ""))
		r.Header.Set("Origin", "https://app.other.example")
		serve(c, r)
		// A few networks share a bucket, but none has more than ten.
		want := map[string]int{"report accepted": perTenant + 1, "report limited": 700 - perTenant}
		if diff := cmp.Diff(want, counted.all()); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
	})
}

func TestLimitOfProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, counted := collector(t, Options{})
		const n = 6000
		for i := range n {
			serve(c, from(spread(i), "forged"))
		}
		want := map[string]int{"report invalid": perProcess, "report limited": n - perProcess}
		if diff := cmp.Diff(want, counted.all()); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
	})
}

func TestClientNetwork(t *testing.T) {
	tests := []struct {
		name   string
		peer   string
		header []string
		hops   int
		same   string // a peer that must be the same network without hops
	}{
		{"IPv4", "192.0.2.1:1", nil, 0, "192.0.2.254:2"},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", nil, 0, "192.0.2.254:2"},
		{"IPv6", "[2001:db8:0:ff::1]:1", nil, 0, "[2001:db8::]:2"},
		{"nobody asked for the header", "192.0.2.1:1", []string{"198.51.100.1"}, 0, "192.0.2.1:1"},
		{"one proxy", "127.0.0.1:1", []string{"203.0.113.1, 198.51.100.1"}, 1, "198.51.100.9:1"},
		{"two proxies", "127.0.0.1:1", []string{"6.6.6.6, 203.0.113.1, 198.51.100.1"}, 2, "203.0.113.9:1"},
		{"two lines", "127.0.0.1:1", []string{"6.6.6.6,203.0.113.1", "198.51.100.1"}, 2, "203.0.113.9:1"},
		{"with a port", "127.0.0.1:1", []string{"198.51.100.1:4711"}, 1, "198.51.100.9:1"},
		{"IPv6 in the header", "127.0.0.1:1", []string{"2001:db8:0:12::1"}, 1, "[2001:db8:0:77::]:1"},
		{"too few entries", "192.0.2.1:1", []string{"198.51.100.1"}, 2, "192.0.2.1:1"},
		{"no header", "192.0.2.1:1", nil, 1, "192.0.2.1:1"},
		{"no address", "192.0.2.1:1", []string{"198.51.100.1, unknown"}, 1, "192.0.2.1:1"},
		{"an empty entry", "192.0.2.1:1", []string{"198.51.100.1,"}, 1, "192.0.2.1:1"},
		{"a Unix socket", "@", nil, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, Path, http.NoBody)
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.header
			other := httptest.NewRequest(http.MethodPost, Path, http.NoBody)
			other.RemoteAddr = tt.same
			if got, want := networkOf(r, tt.hops), networkOf(other, 0); got != want {
				t.Errorf("network %x, want %x", got, want)
			}
		})
	}
	seen := map[network]string{}
	for _, peer := range []string{"@", "192.0.2.1:1", "192.0.3.1:1", "[2001:db8::1]:1", "[2001:db8:0:100::1]:1", "[c000:200::1]:1"} {
		r := httptest.NewRequest(http.MethodPost, Path, http.NoBody)
		r.RemoteAddr = peer
		if other, ok := seen[networkOf(r, 0)]; ok {
			t.Errorf("%s and %s are one network", peer, other)
		}
		seen[networkOf(r, 0)] = peer
	}
}

func TestNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := collector(t, Options{})
		blocked := oneReport(acme, `,"credentials":{"cors_blocked":1}`)
		for i := range 200 {
			for range 3 {
				serve(c, from(spread(i), oneReport(acme, `,"plain":{"ok":1,"network":1,"unknown":1}`)))
			}
		}
		if got := c.Networks(); got != 0 {
			t.Errorf("%d networks, and nobody reported a blocked request", got)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the clock of the bubble
		for i := range 100 {
			for range 3 {
				serve(c, from(spread(i), blocked))
			}
		}
		for range 300 { // one network, as loud as it can
			serve(c, from("192.0.2.1:9", blocked))
		}
		if got := c.Networks(); got < 97 || got > 102 {
			t.Errorf("%d networks, want about 101", got)
		}
		time.Sleep(9 * time.Minute) //nolint:forbidigo // the clock of the bubble
		serve(c, from(spread(500), blocked))
		if got := c.Networks(); got < 97 || got > 104 {
			t.Errorf("%d networks within ten minutes, want about 102", got)
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the clock of the bubble
		if got := c.Networks(); got != 1 {
			t.Errorf("%d networks are left, want the last one", got)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the clock of the bubble
		if got := c.Networks(); got != 0 {
			t.Errorf("%d networks after an hour", got)
		}
	})
}

// Whatever is forged, memory stays where it was and only counters with the known names move.
func TestForgedReports(t *testing.T) {
	c, counted := collector(t, Options{Registry: tenanttest.New(t, tenants), TrustedHops: 1})
	bodies := []string{
		oneReport(acme, `,"plain":{"cors_blocked":1000},"exposed_missing":1000`),
		oneReport("https://%d.acme.example", `,"plain":{"ok":1}`),
		`{"v":1,"key":"%d","reports":[]}`,
		strings.Repeat("[", maxBody), padded(maxBody + 100), "", "\x00\xff%d", `{"v":1,"%d":true}`,
	}
	forge := func(n int) {
		for i := range n {
			body := strings.ReplaceAll(bodies[i%len(bodies)], "%d", fmt.Sprint(i))
			r := &http.Request{ // cheaper than what post makes
				Method: http.MethodPost, URL: &url.URL{Path: Path}, Header: http.Header{"Origin": {"https://app.acme.example"}},
				ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
			}
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("%d.%d.%d.1", i>>16&0xff, i>>8&0xff, i&0xff))
			if i%3 == 0 {
				r.Header.Set("Origin", fmt.Sprintf("https://%d.evil.example", i))
			}
			w := httptest.NewRecorder()
			if c.ServeHTTP(w, r); w.Code != http.StatusNoContent {
				t.Fatalf("status %d for %q", w.Code, body)
			}
		}
	}
	forge(1000)
	before := heap()
	forge(100_000)
	if grown := int64(heap()) - int64(before); grown > 256<<10 {
		t.Errorf("100,000 forged reports left %d bytes behind", grown)
	}
	got := counted.all()
	for what := range got {
		switch what {
		case "report accepted", "report limited", "report invalid", "report unverified", "report oversize",
			"cors_blocked false", "ok false", "exposed missing":
		default:
			t.Errorf("a counter %q appeared", what)
		}
	}
	if got["report accepted"] == 0 || got["report limited"] < 80_000 {
		t.Errorf("counters %v: some are accepted, most are over a limit", got)
	}
}

// heap is the memory in use, once garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package app

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/internal/config"
)

// adminPages are all pages of the admin address.
func adminPages() []string {
	return []string{"/healthz", "/readyz", "/metrics", "/denials?tenant=acme", "/debug/pprof/cmdline", "/nothing"}
}

// ask sends the head of a request to the admin address, byte by byte as it is, and returns the answer.
func (p *process) ask(t *testing.T, head string) (status int, text string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, head+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// F40: a page of a stranger, whose name was made to lead to the admin address, reads nothing there.
func TestAdminPagesKnowTheirHosts(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	cfg.AdminHosts, cfg.AdminProfiles = []string{"corsgate", "corsgate.edge.svc"}, true
	p := start(t, cfg)
	p.awaitReady(t)
	if got := preflight(t, p.dial(t), "https://evil.example"); got != http.StatusForbidden {
		t.Fatalf("preflight: %d", got)
	}
	for _, tt := range []struct {
		host  string
		known bool
	}{
		{"127.0.0.1", true},
		{"127.0.0.1:9003", true},
		{"10.0.0.7:9003", true},
		{"[::1]:9003", true},
		{"[fd00::7]", true},
		{"localhost:1", true},
		{"LocalHost.", true},
		{"corsgate:9003", true},
		{"Corsgate.edge.svc", true},
		{"", true},
		{"evil.example", false},
		{"evil.example:9003", false},
		{"localhost.evil.example", false},
		{"127.0.0.1.evil.example", false},
		{"corsgate.evil.example", false},
		{"2130706433", false}, // no browser sends 127.0.0.1 like this
	} {
		for _, page := range adminPages() {
			status, text := p.ask(t, "GET "+page+" HTTP/1.1\r\nHost: "+tt.host)
			refused := status == http.StatusMisdirectedRequest
			if refused == tt.known || refused && (!strings.Contains(text, "--admin-host") || strings.Contains(text, "evil.example")) {
				t.Errorf("%s on %q: status %d, %s", page, tt.host, status, text)
			}
		}
	}
	for head, want := range map[string]int{
		"GET /healthz HTTP/1.0": http.StatusOK,
		"GET http://evil.example/denials HTTP/1.1\r\nHost: localhost":  http.StatusMisdirectedRequest,
		"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example":  http.StatusOK, // what no page can send
		"POST /debug/pprof/symbol HTTP/1.1\r\nHost: evil.example:9003": http.StatusMisdirectedRequest,
	} {
		if status, text := p.ask(t, head); status != want {
			t.Errorf("%s: status %d, want %d: %s", head, status, want, text)
		}
	}
}

// F40, with the mitigation switched off: a name that is permitted does read what a tenant refused.
func TestAdminHostThatIsPermittedReads(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	cfg.AdminHosts = []string{"evil.example"}
	p := start(t, cfg)
	p.awaitReady(t)
	if got := preflight(t, p.dial(t), "https://stranger.example"); got != http.StatusForbidden {
		t.Fatalf("preflight: %d", got)
	}
	if status, text := p.ask(t, "GET /denials?tenant=acme HTTP/1.1\r\nHost: evil.example"); status != http.StatusOK || !strings.Contains(text, "https://stranger.example") {
		t.Errorf("status %d, %s", status, text)
	}
}

// The name to listen on is a name to ask by.
func TestAdminHostOfTheAddress(t *testing.T) {
	for listen, want := range map[string]int{"edge-1:9003": http.StatusOK, "127.0.0.1:9003": http.StatusMisdirectedRequest, ":9003": http.StatusMisdirectedRequest} {
		a := &App{cfg: config.Serve{AdminListen: listen}}
		answer := httptest.NewRecorder()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://Edge-1:9003/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		a.knownHosts(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })).ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("listening on %s: status %d, want %d", listen, answer.Code, want)
		}
	}
}

// F43: a connection carries one request, and has to carry it soon.
func TestAdminConnectionsEnd(t *testing.T) {
	p := start(t, settings(t, "https://app.acme.example"))
	p.awaitReady(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(conn); err != nil || !strings.Contains(string(all), "Connection: close\r\n") { // up to the end that the server makes
		t.Errorf("%s, %v", all, err)
	}
	if p.admin.ReadTimeout <= 0 || p.admin.WriteTimeout <= 0 {
		t.Error("a connection may take all the time that it likes")
	}
}

// F43: whoever opens connections to the admin pages and leaves them alone takes few descriptors, and keeps nobody out. Without
// the mitigation all of them are taken, and without its second half whoever comes later waits for time-outs.
func TestIdleAdminConnections(t *testing.T) {
	const flood = 10 * adminConnections
	for name, tt := range map[string]struct {
		unlimited, patient bool
		most               int
		waits              bool
	}{
		"as it is":                  {false, false, adminConnections, false},
		"control: silent ones stay": {false, true, adminConnections, true},
		"control: no limit":         {true, true, flood + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(t.Context(), settings(t, "https://app.acme.example"), Log{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = a.release() }()
			synctest.Test(t, func(t *testing.T) {
				pipes := newPipes()
				listener, server := net.Listener(pipes), a.adminServer()
				if !tt.unlimited {
					listener = limitAdmin(listener)
				}
				if tt.patient {
					server.ConnState = nil
				}
				done := make(chan error, 1)
				go func() { done <- server.Serve(listener) }()
				idle := make([]net.Conn, flood)
				for i := range idle {
					idle[i] = pipes.dial()
					synctest.Wait()
				}
				began := time.Now()
				next := pipes.dial()
				go func() { _, _ = io.WriteString(next, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") }()
				answer, err := http.ReadResponse(bufio.NewReader(next), nil)
				if err != nil || answer.StatusCode != http.StatusOK {
					t.Errorf("the next client gets %v, %v", answer, err)
				}
				if waited := time.Since(began); (waited >= adminReadTimeout) != tt.waits {
					t.Errorf("the next client waited %s, want it to wait for time-outs: %t", waited, tt.waits)
				}
				if most := pipes.most(); most > tt.most || tt.unlimited && most < flood {
					t.Errorf("%d connections were open at once, want %d", most, tt.most)
				}
				for _, conn := range slices.Concat(idle, []net.Conn{next}) {
					_ = conn.Close()
				}
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				<-done
			})
		})
	}
}

// F41: profiles are there for who starts the process with them, one at a time and not for long.
func TestProfiles(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	p := start(t, cfg)
	p.awaitReady(t)
	for _, page := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1"} {
		if status, text := p.get(t, page); status != http.StatusNotFound || !strings.Contains(text, "--admin-profiles") {
			t.Errorf("%s, not asked for: status %d, %s", page, status, text)
		}
	}
	p.stop(t)

	cfg.AdminProfiles = true
	p = start(t, cfg)
	p.awaitReady(t)
	for page, want := range map[string]int{
		"/debug/pprof/":                        http.StatusOK,
		"/debug/pprof/heap":                    http.StatusOK,
		"/debug/pprof/trace?seconds=0.001":     http.StatusOK,
		"/debug/pprof/profile?seconds=31":      http.StatusBadRequest,
		"/debug/pprof/trace?seconds=30.5":      http.StatusBadRequest,
		"/debug/pprof/heap?seconds=1e9":        http.StatusBadRequest,
		"/debug/pprof/trace?seconds=NaN":       http.StatusBadRequest,
		"/debug/pprof/profile?seconds=-1":      http.StatusBadRequest,
		"/debug/pprof/profile?seconds=forever": http.StatusBadRequest,
	} {
		if status, text := p.get(t, page); status != want {
			t.Errorf("%s: status %d, want %d: %.100s", page, status, want, text)
		}
	}

	long, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(long, "GET /debug/pprof/trace?seconds=%d HTTP/1.1\r\nHost: localhost\r\n\r\n", maxProfileSeconds); err != nil {
		t.Fatal(err)
	}
	again := func(want int) func() bool {
		return func() bool { status, _ := p.get(t, "/debug/pprof/cmdline"); return status == want }
	}
	await(t, "a second profile is refused", again(http.StatusTooManyRequests))
	if status, _ := p.get(t, "/metrics"); status != http.StatusOK {
		t.Errorf("metrics during a profile: status %d", status)
	}
	if err := long.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the next one is taken when the first has ended", again(http.StatusOK))
}

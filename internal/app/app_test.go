package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsgate/corsgate/internal/config"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-redis notices a second after it was closed that nobody wants the connection which it could not open.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"),
	)
}

// patience bounds each wait for a condition.
const patience = 10 * time.Second

const acme = "id: acme\nhosts: [api.acme.example]\npolicy: {origins: [%s], methods: [PUT]}\n"

// settings are a configuration on ports of the system's choice, with one tenant that allows origin.
func settings(t *testing.T, origin string) config.Serve {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, fmt.Sprintf(acme, origin))
	return config.Serve{
		Tenants: path, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		UnknownTenant: "refuse", StopTimeout: time.Second,
	}
}

// write replaces a file as a careful program does, so that no half of it is read.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// process is an App under test.
type process struct {
	*App
	cancel context.CancelCauseFunc
	done   chan error // gets what Run returns
	log    *strings.Builder
}

// start runs an App and stops it when the test ends.
func start(t *testing.T, cfg config.Serve) *process {
	t.Helper()
	log := &strings.Builder{} // slog's handler orders the writes; it is read after Run
	a, err := New(t.Context(), cfg, Log{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return run(t, a, log)
}

// run runs a and stops it when the test ends.
func run(t *testing.T, a *App, log *strings.Builder) *process {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context())) // it is stopped in a clean-up
	p := &process{App: a, cancel: cancel, done: make(chan error, 1), log: log}
	go func() { p.done <- a.Run(ctx) }()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop ends the process once; later calls do nothing.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cancel(errors.New("the test is over"))
	select {
	case err, open := <-p.done:
		if open && err != nil {
			t.Errorf("Run: %v", err)
		}
		if open {
			close(p.done)
		}
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
}

func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.Ready():
	case <-time.After(patience):
		t.Fatal("the process does not get ready")
	}
}

// dial connects as Envoy does.
func dial(t *testing.T, target string, transport credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (p *process) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	target := p.Addr().String()
	if p.Addr().Network() == "unix" {
		target = "unix:" + target
	}
	return dial(t, target, insecure.NewCredentials())
}

func health(t *testing.T, conn *grpc.ClientConn) string {
	t.Helper()
	answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		return err.Error()
	}
	return answer.GetStatus().String()
}

// preflight asks as Envoy does for a preflight, and returns the status of the reply.
func preflight(t *testing.T, conn *grpc.ClientConn, origin string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := extprocv3.NewExternalProcessorClient(conn).Process(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(preflightMessage(origin)); err != nil {
		t.Fatal(err)
	}
	reply, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return int(reply.GetImmediateResponse().GetStatus().GetCode())
}

func preflightMessage(origin string) *extprocv3.ProcessingRequest {
	fields := [][2]string{
		{":method", "OPTIONS"},
		{":authority", "api.acme.example"},
		{":path", "/"},
		{":scheme", "https"},
		{"origin", origin},
		{"access-control-request-method", "PUT"},
	}
	headers := &corev3.HeaderMap{}
	for _, f := range fields {
		headers.Headers = append(headers.Headers, &corev3.HeaderValue{Key: f[0], RawValue: []byte(f[1])})
	}
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headers, EndOfStream: true},
	}}
}

// await polls until is reports true.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("waiting in vain until %s", what)
		case <-tick.C:
		}
	}
}

// readyz asks the admin server.
func (p *process) readyz(t *testing.T) (int, Readiness) {
	t.Helper()
	status, text := p.get(t, "/readyz")
	var r Readiness
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return status, r
}

// get asks the admin server for a page.
func (p *process) get(t *testing.T, path string) (status int, text string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.AdminAddr().String()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServeOnSocket(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	path := filepath.Join(t.TempDir(), "s")
	cfg.Listen, cfg.AdminListen = "unix:"+path, ""
	p := start(t, cfg)
	p.awaitReady(t)
	if got := preflight(t, p.dial(t), "https://app.acme.example"); got != 204 {
		t.Errorf("preflight over the socket: %d, want 204", got)
	}
	if p.AdminAddr() != nil {
		t.Errorf("admin pages at %s, want none", p.AdminAddr())
	}
	p.stop(t)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there after the stop: %v", err)
	}
}

func TestNewReleasesWhatItBound(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	path := filepath.Join(t.TempDir(), "s")
	cfg.Listen, cfg.AdminListen = "unix:"+path, taken.Addr().String()
	if _, err := New(t.Context(), cfg, Log{Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Fatal("New bound an address that is taken")
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the listener that was bound first is still there: %v", err)
	}
}

func TestTenantsAreReadAgain(t *testing.T) {
	cfg := settings(t, "https://old.acme.example")
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	if got := preflight(t, conn, "https://new.acme.example"); got != 403 {
		t.Fatalf("preflight before the change: %d, want 403", got)
	}
	write(t, cfg.Tenants, fmt.Sprintf(acme, "https://new.acme.example"))
	await(t, "the new origin is allowed", func() bool { return preflight(t, conn, "https://new.acme.example") == 204 })
	if got := preflight(t, conn, "https://old.acme.example"); got != 403 {
		t.Errorf("preflight from the origin that was removed: %d, want 403", got)
	}

	write(t, cfg.Tenants, "id: acme\nhosts: [api.acme.example]\npolicy: {origins: [nonsense]}\n")
	await(t, "readiness tells the problem", func() bool { _, r := p.readyz(t); return len(r.Problems) > 0 })
	if status, r := p.readyz(t); status != http.StatusOK || !r.Ready || r.Tenants != 1 || len(r.Kept) != 1 {
		t.Errorf("readiness with a broken file: %d %+v, want ready with the last good tenant", status, r)
	}
	if got := preflight(t, conn, "https://new.acme.example"); got != 204 {
		t.Errorf("preflight with a broken file: %d, want 204 by the last good version", got)
	}
}

func TestHealthWaitsForTheFirstDocument(t *testing.T) {
	cfg := settings(t, "nonsense")
	p := start(t, cfg)
	conn := p.dial(t)
	await(t, "the broken file was read", func() bool { _, r := p.readyz(t); return len(r.Problems) > 0 })
	if got := health(t, conn); got != "NOT_SERVING" {
		t.Errorf("health without a document: %s", got)
	}
	if status, r := p.readyz(t); status != http.StatusServiceUnavailable || r.Ready {
		t.Errorf("readiness without a document: %d %+v", status, r)
	}
	write(t, cfg.Tenants, fmt.Sprintf(acme, "https://app.acme.example"))
	p.awaitReady(t)
	if got := health(t, conn); got != "SERVING" {
		t.Errorf("health with a document: %s", got)
	}
}

package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestDrain(t *testing.T) {
	const delay = 300 * time.Millisecond
	cfg := settings(t, "https://app.acme.example")
	cfg.DrainDelay = delay
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	if got := health(t, conn); got != "SERVING" {
		t.Fatalf("health before the stop: %s", got)
	}

	began := time.Now()
	p.cancel(nil)
	await(t, "health says NOT_SERVING", func() bool { return health(t, conn) == "NOT_SERVING" })
	if code, r := p.readyz(t); code != http.StatusServiceUnavailable || !r.Draining {
		t.Errorf("readiness while draining: %d %+v", code, r)
	}
	if got := preflight(t, conn, "https://app.acme.example"); got != 204 {
		t.Errorf("preflight while draining: %d, want 204: Envoy has not gone elsewhere yet", got)
	}
	p.stop(t)
	if took := time.Since(began); took < delay || took > delay+5*time.Second {
		t.Errorf("the stop took %s, want a little more than %s", took, delay)
	}
	assertOrder(t, p.log.String(), "health says NOT_SERVING", "drain delay over", "gRPC server stopped", "admin pages closed", "tenant registry stopped")
}

// assertOrder checks that the parts are in text, in this order.
func assertOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("the log lacks %q in its place:\n%s", part, text)
		}
		rest = after
	}
}

func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	cfg := settings(t, "https://app.acme.example")
	cfg.StopTimeout = 50 * time.Millisecond
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	stream, err := extprocv3.NewExternalProcessorClient(conn).Process(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A request whose response never comes: its stream stays open, as in design A.
	if err := stream.Send(actualMessage("https://app.acme.example")); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	p.stop(t)
	if !strings.Contains(p.log.String(), "cut off") || !strings.Contains(p.log.String(), "requests=1") {
		t.Errorf("the log does not count the request that was cut off:\n%s", p.log)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v, want Unavailable", err)
	}
}

// actualMessage is a request with an Origin that is no preflight.
func actualMessage(origin string) *extprocv3.ProcessingRequest {
	m := preflightMessage(origin)
	for _, h := range m.GetRequestHeaders().GetHeaders().GetHeaders() {
		if h.GetKey() == ":method" {
			h.RawValue = []byte("GET")
		}
	}
	return m
}

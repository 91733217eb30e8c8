package e2e_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// TestProcessorKilled: with no processor left, preflights are refused in every design. In C
// the application still serves and nothing of its own CORS gets out; in A and B, which
// fail closed by default, nothing is served at all.
func TestProcessorKilled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		design envoy.Design
		actual int
	}{
		{envoy.TwoCallbacks, 503},
		{envoy.ResponseOnly, 503},
		{envoy.Metadata, 200},
	} {
		t.Run(string(tc.design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, tc.design, nil)
			e.processor.Signal(t, syscall.SIGKILL)
			<-e.processor.Done()
			e.checkAbandoned(t, tc.actual)
			e.AwaitProcessors(t, 0)
			e.checkAbandoned(t, tc.actual)

			e.processor = harness.StartProcessor(t, harness.ProcessorOptions{Tenants: e.tenants, Listen: e.processor.Addr})
			e.AwaitProcessors(t, 1)
			got := e.ask(t, "GET", "/", [2]string{"origin", listed})
			if diff := cmp.Diff(grants(), got.CORS()); diff != "" {
				t.Errorf("after its return (-want +got):\n%s", diff)
			}
		})
	}
}

// checkAbandoned asks while nobody decides.
func (e *edge) checkAbandoned(t *testing.T, actual int) {
	t.Helper()
	got := e.ask(t, "OPTIONS", "/", preflight(listed, "PUT")...)
	if got.Status != 503 || got.Get("access-control-allow-origin") != "" {
		t.Errorf("preflight: status %d, %v; want a bare 503", got.Status, got.CORS())
	}
	own := answer(200, [2]string{"Access-Control-Allow-Origin", "*"}, [2]string{"Access-Control-Allow-Credentials", "true"},
		[2]string{"Access-Control-Expose-Headers", "x-secret"}, [2]string{"Access-Control-Allow-Methods", "*"})
	for _, origin := range []string{listed, foreign} {
		got = e.ask(t, "GET", "/", [2]string{"origin", origin}, own)
		if got.Status != actual {
			t.Errorf("actual request: status %d, want %d", got.Status, actual)
		}
		for name := range got.CORS() {
			if strings.HasPrefix(name, "access-control-") {
				t.Errorf("the application's %s got out", name)
			}
		}
	}
}

// TestProcessorStopped: a processor that hangs costs each request Envoy's message timeout and
// nothing else, until the health check takes it out.
func TestProcessorStopped(t *testing.T) {
	t.Parallel()
	e := startEdge(t, envoy.Metadata, nil)
	e.processor.Signal(t, syscall.SIGSTOP)
	got := e.ask(t, "GET", "/", [2]string{"origin", listed}, answer(200, [2]string{"Access-Control-Allow-Origin", "*"}))
	if diff := cmp.Diff(onlyVary(), got.CORS()); got.Status != 200 || diff != "" {
		t.Errorf("status %d, headers (-want +got):\n%s", got.Status, diff)
	}
	e.AwaitProcessors(t, 0)
	e.processor.Signal(t, syscall.SIGCONT)
	e.AwaitProcessors(t, 1)
	got = e.ask(t, "GET", "/", [2]string{"origin", listed})
	if diff := cmp.Diff(grants(), got.CORS()); diff != "" {
		t.Errorf("after SIGCONT (-want +got):\n%s", diff)
	}
}

// TestOneOfTwoGoes: with the rendered cluster, no request fails and none goes undecided while
// one of two processors is stopped, first politely and then by force.
func TestOneOfTwoGoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		design envoy.Design
		// caught bounds the requests that a crash may fail. In design A one may wait for the
		// application between its two calls; what the dead process knew of it is lost, and it
		// fails closed. No more can wait than there are workers.
		caught int
	}{
		{envoy.TwoCallbacks, loadWorkers},
		{envoy.Metadata, 0},
	} {
		t.Run(string(tc.design), func(t *testing.T) {
			t.Parallel()
			app, tenants := harness.StartApp(t), tenantsFile(t, acme)
			drained := []string{"--drain-delay", "2s"}
			one := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants, Args: drained})
			two := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants, Args: drained})
			proxy := startEnvoy(t, tc.design, app.Addr, nil, one.Addr, two.Addr)

			load := harness.StartLoad(t, mixedLoad(proxy.Addr))
			load.Await(t, 200)
			one.Signal(t, syscall.SIGTERM)
			if err := one.Wait(t); err != nil {
				t.Errorf("ending after SIGTERM: %v", err)
			}
			load.Await(t, 200)
			harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants, Listen: one.Addr})
			proxy.AwaitProcessors(t, 2)
			load.Await(t, 200)
			if report := load.Stop(); report.Failed() > 0 {
				t.Errorf("failed requests over SIGTERM: %s", report)
			}

			load = harness.StartLoad(t, mixedLoad(proxy.Addr))
			load.Await(t, 200)
			two.Signal(t, syscall.SIGKILL)
			<-two.Done()
			load.Await(t, 600)
			report := load.Stop()
			t.Log(report)
			if report.Failed() > tc.caught {
				t.Errorf("failed requests over SIGKILL, at most %d may: %s", tc.caught, report)
			}
		})
	}
}

const loadWorkers = 8

// mixedLoad is preflights and actual requests of the listed origin in turn, and what is wrong
// with an answer that does not grant what it should.
func mixedLoad(addr string) harness.Load {
	return harness.Load{
		Workers: loadWorkers,
		Rate:    300,
		Request: func(i int) *http.Request {
			method := [...]string{http.MethodGet, http.MethodOptions}[i%2]
			r, err := http.NewRequest(method, "http://"+addr+"/", http.NoBody)
			if err != nil {
				panic(err) // constant input
			}
			r.Host = host
			r.Header.Set("Origin", listed)
			if method == http.MethodOptions {
				r.Header.Set("Access-Control-Request-Method", http.MethodPut)
			}
			return r
		},
		Check: func(r *http.Response) string {
			switch {
			case r.StatusCode != http.StatusOK && r.StatusCode != http.StatusNoContent:
				return "status"
			case r.Header.Get("Access-Control-Allow-Origin") != listed:
				return "not granted"
			}
			return ""
		},
	}
}

// TestDrain: after SIGTERM the health turns, requests in flight end well, and the process
// ends within its bounds.
func TestDrain(t *testing.T) {
	t.Parallel()
	e := startBehind(t)
	one := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: e.tenants, Args: []string{"--drain-delay", "1500ms"}})
	e.Envoy = startEnvoy(t, envoy.TwoCallbacks, e.app.Addr, nil, one.Addr)
	slow := make(chan *harness.Response, 1)
	go func() {
		slow <- e.ask(t, "GET", "/slow", [2]string{"origin", listed}, [2]string{
			harness.HeaderResponse, harness.AppResponse{DelayMS: 2500}.Header(),
		})
	}()
	e.AwaitStat(t, "http.edge.ext_proc.actual_closed.streams_started", func(n uint64) bool { return n > 0 })
	begin := time.Now()
	one.Signal(t, syscall.SIGTERM)
	e.AwaitProcessors(t, 0)
	if err := one.Wait(t); err != nil {
		t.Errorf("ending after SIGTERM: %v", err)
	}
	if took := time.Since(begin); took < 1500*time.Millisecond {
		t.Errorf("it ended after %s, before the drain delay", took)
	}
	if diff := cmp.Diff(grants(), (<-slow).CORS()); diff != "" {
		t.Errorf("the request in flight (-want +got):\n%s", diff)
	}
}

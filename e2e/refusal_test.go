package e2e_test

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/redistest"
)

// refusing is a tenant that refuses whatever a policy can refuse.
const refusing = `{"id":"acme","revision":1,"hosts":["api.acme.example"],` +
	`"policy":{"origins":["https://app.acme.example"],"denied_requests":"BLOCK","websockets":"ENFORCE"}}`

// own is the origin of the tenant's own pages: the tests speak to Envoy over plain http.
const own = "http://" + host

// TestRefusalsFailClosed shows rows F51 to F54 of docs/faults.md: whatever becomes of the processor, no foreign
// websocket and no foreign unsafe request reaches the application, and the tenant's own requests do.
func TestRefusalsFailClosed(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*testing.T) *edge{
		"F51 killed": func(t *testing.T) *edge {
			t.Helper()
			e := behind(t, "--tenants", tenantsFile(t, refusing))
			e.fault = func(t *testing.T) {
				t.Helper()
				e.processor.Signal(t, syscall.SIGKILL)
				<-e.processor.Done()
			}
			return e
		},
		"F52 stopped": func(t *testing.T) *edge {
			t.Helper()
			e := behind(t, "--tenants", tenantsFile(t, refusing))
			e.fault = func(t *testing.T) { t.Helper(); e.processor.Signal(t, syscall.SIGSTOP) }
			return e
		},
		"F53 overloaded": func(t *testing.T) *edge {
			t.Helper()
			e := behind(t, "--tenants", tenantsFile(t, refusing), "--max-streams", "1")
			e.fault = func(t *testing.T) { t.Helper(); holdStream(t, e.processor.Addr) }
			return e
		},
		"F54 without a store": func(t *testing.T) *edge {
			t.Helper()
			harness.RedisServer(t)
			redis := redistest.Start(t, redistest.Options{})
			redis.Do("SET", "{corsgate}:tenant:acme", refusing)
			redis.Do("SET", "{corsgate}:host:"+host, "acme")
			redis.Do("HSET", "{corsgate}:meta", "epoch", "first", "schema", "1")
			redis.Do("XADD", "{corsgate}:changes", "*", "tenant", "acme", "kind", "apply")
			e := behind(t, "--redis", redis.URL(), "--ttl", "1s", "--max-stale", "1s")
			e.fault = func(t *testing.T) { t.Helper(); redis.Kill() }
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := fault(t)
			envoys := map[envoy.Design]*harness.Envoy{}
			for _, design := range []envoy.Design{envoy.TwoCallbacks, envoy.Metadata} {
				envoys[design] = startEnvoy(t, design, e.app.Addr, impatient, e.processor.Addr)
			}
			for design, proxy := range envoys {
				e.Envoy = proxy
				harness.Eventually(t, "the policy to be in force in design "+string(design), func() error {
					if got := e.ask(t, "POST", "/", [2]string{"origin", foreign}); got.Status != 403 {
						return fmt.Errorf("a foreign POST gets %d", got.Status)
					}
					return nil
				})
			}
			e.fault(t)
			for design, proxy := range envoys {
				e.Envoy = proxy
				e.awaitUndecided(t)
				e.checkRefusals(t, string(design))
			}
		})
	}
}

// impatient is the message timeout that is rendered by default: here a processor that hangs has to cost time.
func impatient(o *envoy.Options) { o.MessageTimeout = envoy.DefaultOptions(o.Design).MessageTimeout }

// behind starts an application and a corsgate process with these settings.
func behind(t *testing.T, args ...string) *edge {
	t.Helper()
	return &edge{app: harness.StartApp(t), processor: harness.StartProcessor(t, harness.ProcessorOptions{Args: args})}
}

// awaitUndecided waits until preflights are not decided any more.
func (e *edge) awaitUndecided(t *testing.T) {
	t.Helper()
	harness.Eventually(t, "the fault to count", func() error {
		if got := e.ask(t, "OPTIONS", "/", preflight(listed, "PUT")...); got.Status < 500 {
			return fmt.Errorf("a preflight gets %d", got.Status)
		}
		return nil
	})
}

// checkRefusals asks 20 times each for what may be refused, by foreign pages and by the tenant's own.
func (e *edge) checkRefusals(t *testing.T, what string) {
	t.Helper()
	for i := range 20 {
		for _, origin := range []string{foreign, listed, "null", "https://" + host, "http://x" + host, "http://" + host + ".evil.example", "httpxyz" + host} {
			id := what + "-" + strconv.Itoa(i) + origin
			mark := [2]string{harness.HeaderID, id}
			cookie := [2]string{"cookie", "session=1"}
			post := e.ask(t, "POST", "/", [2]string{"origin", origin}, mark, cookie)
			socket := harness.Exchange(t, e.Addr, handshake(host, origin, mark, cookie))
			if post.Status < 500 || socket.Status < 500 {
				t.Errorf("%s: POST of %s gets %d, its websocket %d; want 503 or 504", what, origin, post.Status, socket.Status)
			}
			if seen := e.app.Requests(id); len(seen) > 0 {
				t.Fatalf("%s: %s of %s reached the application", what, seen[0].Method, origin)
			}
			if post.Get("cache-control") != "no-store" && post.Get("cache-control") != "" {
				t.Errorf("%s: the refusal may be cached: %q", what, post.Get("cache-control"))
			}
		}
		post := e.ask(t, "POST", "/", [2]string{"origin", own})
		socket := harness.Exchange(t, e.Addr, handshake(host, own))
		if post.Status != 200 || socket.Status != 101 {
			t.Errorf("%s: an own POST gets %d, an own websocket %d; want 200 and 101", what, post.Status, socket.Status)
		}
	}
}

// holdStream has the processor at addr wait for the second message of a request, until it is released.
func holdStream(t *testing.T, addr string) (release func()) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = conn.Close() }
	t.Cleanup(release)
	stream, err := extprocv3.NewExternalProcessorClient(conn).Process(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	headers := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
		{Key: ":method", RawValue: []byte("GET")}, {Key: ":authority", RawValue: []byte(host)}, {Key: "origin", RawValue: []byte(listed)},
	}}
	err = stream.Send(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headers},
	}})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// TestRefusalsControl: without what fails closed, the same requests reach the application, so that
// [TestRefusalsFailClosed] would notice.
func TestRefusalsControl(t *testing.T) {
	t.Parallel()
	e := behind(t, "--tenants", tenantsFile(t, refusing))
	e.Envoy = startEnvoy(t, envoy.Metadata, e.app.Addr, func(o *envoy.Options) { impatient(o); o.NoRefusals = true }, e.processor.Addr)
	if got := e.ask(t, "POST", "/", [2]string{"origin", foreign}); got.Status != 403 {
		t.Fatalf("a foreign POST gets %d, want 403", got.Status)
	}
	e.processor.Signal(t, syscall.SIGKILL)
	<-e.processor.Done()
	post, socket := e.ask(t, "POST", "/", [2]string{"origin", foreign}), harness.Exchange(t, e.Addr, handshake(host, foreign))
	if post.Status != 200 || socket.Status != 101 {
		t.Errorf("with --no-refusals a foreign POST gets %d, a foreign websocket %d; want 200 and 101", post.Status, socket.Status)
	}
}

// TestPreflightsHaveLimits shows row F55: however many preflights a client keeps waiting, at most
// [envoy.MaxPreflights] of them are with the processor, the others get 503 from Envoy, and requests are decided.
// The control has them ask the cluster that requests ask.
func TestPreflightsHaveLimits(t *testing.T) {
	t.Parallel()
	const flood = envoy.MaxPreflights + 50
	for name, edit := range map[string]func(*bootstrapv3.Bootstrap){
		"limited":           nil,
		"control: no limit": func(b *bootstrapv3.Bootstrap) { unlimited(b) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", holdPreflights)
			o := envoy.DefaultOptions(envoy.Metadata)
			o.Upstream, o.Processors, o.MessageTimeout = app.Addr, []string{p.Addr}, 10*time.Second
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: edit})
			e.AwaitProcessors(t, 1)
			for range flood {
				if _, err := harness.Dial(t, e.Addr).Write(harness.Request("OPTIONS", "/", host, preflight(foreign, "PUT")...)); err != nil {
					t.Fatal(err)
				}
			}
			want := flood
			if edit == nil {
				want = envoy.MaxPreflights
				e.AwaitStat(t, "http.edge.ext_proc.preflight.streams_failed", func(n uint64) bool { return n == flood-envoy.MaxPreflights })
			}
			e.AwaitStat(t, "http.edge.ext_proc.preflight.stream_msgs_sent", func(n uint64) bool { return n == uint64(want) })
			got := harness.Exchange(t, e.Addr, harness.Request("POST", "/", host, [2]string{"origin", listed}))
			if got.Status != 200 || got.Get("access-control-allow-origin") != listed {
				t.Errorf("meanwhile a POST gets %d, %v", got.Status, got.CORS())
			}
		})
	}
}

// holdPreflights never answers a preflight.
func holdPreflights(a harness.Asked) (*extprocv3.ProcessingResponse, error) {
	if slices.Contains(a.Metadata.Get("x-cors-phase"), "preflight") {
		return nil, harness.ErrHang
	}
	return obliging(a)
}

// unlimited takes the bound off the preflights' cluster.
func unlimited(b *bootstrapv3.Bootstrap) {
	for _, c := range b.GetStaticResources().GetClusters() {
		if c.GetName() == envoy.ClusterPreflight {
			c.CircuitBreakers.Thresholds[0].MaxRequests = wrapperspb.UInt32(1_000_000)
		}
	}
}

package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/redistest"
)

// traceLab is a corsgate that loads tenants lazily from a real Redis, an Envoy of one design before it, and
// the collector that both send to.
type traceLab struct {
	*harness.Collector
	envoy *harness.Envoy
	proc  *harness.Processor
	app   *harness.App
}

// newTraceLabs starts the processes that all designs share, and an Envoy for each design.
func newTraceLabs(t *testing.T) (map[envoy.Design]*traceLab, *redistest.Server) {
	t.Helper()
	harness.RedisServer(t)
	redis, collector, app := redistest.Start(t, redistest.Options{}), harness.StartCollector(t), harness.StartApp(t)
	pipe := redis.Admin().Pipeline()
	for _, d := range designs() {
		for _, kind := range append(coldTenants(), "warm") {
			id := kind + "-" + string(d)
			at := tenantHost(kind, d)
			document := fmt.Sprintf(`{"id":%q,"revision":7,"hosts":[%q],"labels":{"tier":"gold"},"policy":{"origins":["https://other.example",%q],"methods":["PUT"]}}`, id, at, listed)
			pipe.Set(t.Context(), "{corsgate}:tenant:"+id, document, 0)
			pipe.Set(t.Context(), "{corsgate}:host:"+at, id, 0)
		}
	}
	pipe.HSet(t.Context(), "{corsgate}:meta", "epoch", "first", "schema", "1")
	pipe.Do(t.Context(), "XADD", "{corsgate}:changes", "*", "tenant", "warm-c", "kind", "apply")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	proc := harness.StartProcessor(t, harness.ProcessorOptions{
		// The longest that may be: a slow machine should not turn loads into failures.
		Args: []string{"--redis", "redis://" + redis.Addr(), "--lazy", "--decision-log", "all", "--lookup-budget", "150ms"},
		Env:  collector.Env(),
	})
	labs := map[envoy.Design]*traceLab{}
	for _, d := range designs() {
		o := envoy.DefaultOptions(d)
		o.Upstream, o.Processors, o.MessageTimeout = app.Addr, []string{proc.Addr}, 10*time.Second
		o.Tracing = &envoy.Tracing{Collector: collector.Addr, Sampling: 100, Service: "edge-" + string(d)}
		e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: flushSpansSoon})
		e.AwaitProcessors(t, 1)
		labs[d] = &traceLab{Collector: collector, envoy: e, proc: proc, app: app}
	}
	return labs, redis
}

// coldTenants are several, because the first may take longer to load than a request may wait.
func coldTenants() []string { return []string{"cold-1", "cold-2", "cold-3", "cold-4", "cold-5"} }

func tenantHost(kind string, d envoy.Design) string { return kind + "-" + string(d) + ".acme.example" }

// flushSpansSoon shortens Envoy's wait for more spans, by default 5 seconds.
func flushSpansSoon(boot *bootstrapv3.Bootstrap) {
	boot.LayeredRuntime = &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
		Name: "test",
		LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
			"tracing.opentelemetry.flush_interval_ms": structpb.NewNumberValue(50),
		}}},
	}}}
}

// traced is a request whose trace is known: its path names it, and so do both logs.
type traced struct {
	*traceLab
	access harness.LogEntry
	// status is what the client got.
	status int
}

// ask sends a request to a host and waits for its line in the access log.
func (l *traceLab) ask(t *testing.T, method, authority string, headers ...[2]string) *traced {
	t.Helper()
	path := fmt.Sprintf("/%016x", rand.Uint64())
	got := harness.Exchange(t, l.envoy.Addr, harness.Request(method, path, authority, headers...))
	return &traced{traceLab: l, access: l.envoy.AwaitLog(t, path), status: got.Status}
}

func (x *traced) trace() string { return x.access.Text("trace_id") }

// decision waits for the line of the decision log with the same request id.
func (x *traced) decision(t *testing.T) harness.LogEntry {
	t.Helper()
	var found harness.LogEntry
	harness.Eventually(t, "the decision log", func() error {
		for line := range strings.Lines(x.proc.Log()) {
			var entry harness.LogEntry
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Text("event") == "cors.decision" &&
				entry.Text("request_id") == x.access.Text("request_id") {
				found = entry
				return nil
			}
		}
		return fmt.Errorf("no line of request %s", x.access.Text("request_id"))
	})
	return found
}

// spans are Envoy's of the request and of its call to corsgate, and corsgate's of the decision.
func (x *traced) spans(t *testing.T) (ingress, call, decide harness.Span) {
	t.Helper()
	decide = x.AwaitSpan(t, x.trace(), "of the decision", func(s harness.Span) bool { return s.GetName() == "cors.decide" })
	call = x.AwaitSpan(t, x.trace(), "of the call to corsgate", func(s harness.Span) bool { return s.ID() == decide.Parent() })
	ingress = x.AwaitSpan(t, x.trace(), "of the request", func(s harness.Span) bool { return s.ID() == call.Parent() })
	return ingress, call, decide
}

// traceparent makes a client's header, and its trace id and span id.
func traceparent(flags string) (header [2]string, trace, span string) {
	bytes := make([]byte, 24)
	for i := range bytes {
		bytes[i] = byte(1 + rand.IntN(255))
	}
	trace, span = hex.EncodeToString(bytes[:16]), hex.EncodeToString(bytes[16:])
	return [2]string{"traceparent", "00-" + trace + "-" + span + "-" + flags}, trace, span
}

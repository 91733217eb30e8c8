package e2e_test

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// Spans cost somebody money: the operator's share holds whatever a client asks for. What Envoy has decided is
// in the last part of the traceparent of its call, which the processor follows.
func TestClientsCannotForceTraces(t *testing.T) {
	t.Parallel()
	app, collector := harness.StartApp(t), harness.StartCollector(t)
	sampled, _, _ := traceparent("01")
	unsampled, _, _ := traceparent("00")
	requests := [][2]string{
		{"x-client-trace-id", "1"}, {"x-envoy-force-trace", "true"}, {"x-b3-sampled", "1"}, sampled, unsampled,
	}
	for share, want := range map[float64]string{0: "00 00 00 00 00", 100: "01 01 01 01 00"} {
		p := harness.StartScripted(t, "", obliging)
		e := startTraced(t, app, p, collector.Addr, share)
		var flags []string
		for _, header := range requests {
			harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, [2]string{"Origin", listed}, header))
			asked := p.Asked()
			if len(asked) == 0 || len(asked[0].Metadata.Get("traceparent")) != 1 {
				t.Fatalf("%s: the processor got no trace: %v", header[0], asked)
			}
			parent := asked[0].Metadata.Get("traceparent")[0]
			flags = append(flags, parent[strings.LastIndexByte(parent, '-')+1:])
		}
		if got := strings.Join(flags, " "); got != want {
			t.Errorf("at %v %% the flags are %s, want %s", share, got, want)
		}
	}
}

// Requests do not wait for the collector of spans.
func TestCollectorIsAway(t *testing.T) {
	t.Parallel()
	app := harness.StartApp(t)
	p := harness.StartScripted(t, "", obliging)
	e := startTraced(t, app, p, harness.FreeAddr(t), 100)
	for range 20 {
		got := harness.Exchange(t, e.Addr, harness.Request("GET", "/", host, [2]string{"Origin", listed}))
		if got.Status != 200 || got.Get("access-control-allow-origin") != listed {
			t.Fatalf("status %d, %v", got.Status, got.Headers)
		}
	}
	e.AwaitStat(t, "cluster."+envoy.ClusterCollector+".upstream_cx_connect_fail", func(n uint64) bool { return n > 0 })
}

func startTraced(t *testing.T, app *harness.App, p *harness.Scripted, collector string, sampling float64) *harness.Envoy {
	t.Helper()
	o := envoy.DefaultOptions(envoy.Metadata)
	o.Upstream, o.Processors = app.Addr, []string{p.Addr}
	o.MessageTimeout = patientTimeout
	o.Tracing = &envoy.Tracing{Collector: collector, Sampling: sampling}
	e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: flushSpansSoon})
	e.AwaitProcessors(t, 1)
	return e
}

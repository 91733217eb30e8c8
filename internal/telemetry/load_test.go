package telemetry

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// askedFor notes on whose behalf it is asked.
type askedFor struct {
	tenant.Registry
	by context.Context
}

// Lookup implements [tenant.Registry].
func (a *askedFor) Lookup(k tenant.Key) tenant.View {
	a.by = k.Waiter.Context()
	return a.Registry.Lookup(k)
}

// TestLoadSpan: what a request waits for is a part of its trace, whichever is told first, and a load that comes
// when the request has gone still belongs to it.
func TestLoadSpan(t *testing.T) {
	for _, late := range []bool{false, true} {
		tm := start(t, func(cfg *Config) { cfg.Sampling = Sampling{Loads: 1} })
		r := recorded(t, tm)
		asked := &askedFor{Registry: tenanttest.New(t, `{id: acme, hosts: [api.example], policy: {origins: ["https://app.example"]}}`)}
		svc, err := server.New(server.Config{
			Registry: asked,
			Observe: func(o *server.Observation) {
				o.Waited = true
				if late {
					tm.Observe(o)
				}
				load, done := tm.Load([]context.Context{t.Context(), asked.by})
				if !trace.SpanFromContext(load).IsRecording() {
					t.Error("the load's context has no span")
				}
				done(errors.New("no answer"))
				if !late {
					tm.Observe(o)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		request := servertest.Request{Method: "GET", Scheme: "https", Authority: "api.example", Path: "/", Headers: [][2]string{{"origin", "https://app.example"}}}
		if _, err := servertest.Start(t, svc, server.Transport{}).Do(t.Context(), servertest.Metadata, request, servertest.App{Status: 200}); err != nil {
			t.Fatal(err)
		}
		spans := map[string]int{}
		for i, s := range r.Ended() {
			spans[s.Name()] = i
		}
		if len(spans) != 2 {
			t.Fatalf("spans %v", spans)
		}
		decide, load := r.Ended()[spans["cors.decide"]], r.Ended()[spans["cors.policy.load"]]
		if load.Parent().SpanID() != decide.SpanContext().SpanID() || load.Status().Code != codes.Error || attributes(decide)["cors.reason"] != "origin_listed" {
			t.Errorf("load %v under %v: %v", load.Parent(), decide.SpanContext(), attributes(decide))
		}
	}
}

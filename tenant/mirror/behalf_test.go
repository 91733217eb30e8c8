package mirror_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// who is the key of a value in the context of a request.
type who struct{}

// requestOf is the context of a request.
func requestOf(name string) context.Context {
	return context.WithValue(context.Background(), who{}, name)
}

// loads is what [mirror.Options.OnLoad] was told, and who the store was read for.
type loads struct {
	mu    sync.Mutex
	began []string // the requests of each load
	ended []error
	reads []string
}

func (l *loads) begin(requests []context.Context) (context.Context, func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := ""
	for _, r := range requests {
		all += r.Value(who{}).(string)
	}
	l.began = append(l.began, all)
	// It has ended before the load begins; that must not matter.
	ctx, cancel := context.WithCancel(requestOf("for " + all))
	cancel()
	return ctx, func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = append(l.ended, err)
	}
}

func (l *loads) intercept(ctx context.Context, c storetest.Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Op == storetest.OpDocuments || c.Op == storetest.OpOwners {
		name, _ := ctx.Value(who{}).(string)
		l.reads = append(l.reads, name)
	}
	return nil
}

// waiter is a request.
type waiter struct{ ctx context.Context }

func (w waiter) Context() context.Context { return w.ctx }

func TestLoadsAreOnBehalfOfRequests(t *testing.T) {
	var l loads
	scene(t, mirror.Options{Lazy: true, LookupBudget: time.Second, OnLoad: l.begin}, func(w *world) {
		w.write(simple("a", "v1"), simple("b", "v1"))
		w.start()
		w.Intercept(l.intercept)
		ask := func(host string, ctx context.Context) tenant.View {
			k := tenant.Key{Authority: host, Path: "/", Waiter: waiter{ctx}}
			v := w.m.Lookup(k)
			for v.Freshness == tenant.Loading {
				<-v.Loading
				v = w.m.Lookup(k)
			}
			return v
		}
		gone, cancel := context.WithCancel(requestOf("1"))
		cancel()
		if v := ask("a.example", gone); v.Freshness != tenant.Live {
			w.t.Errorf("the load ended with its request: %s", v.Freshness)
		}
		ask("a.example", requestOf("2"))
		if !slices.Equal(l.began, []string{"1"}) || !slices.Equal(l.ended, []error{nil}) {
			w.t.Errorf("loads for %q, which ended with %v; want one, for request 1", l.began, l.ended)
		}
		if len(l.reads) == 0 || slices.ContainsFunc(l.reads, func(s string) bool { return s != "for 1" }) {
			w.t.Errorf("the store was read for %q", l.reads)
		}
		l.reads = nil
		ask("b.example", nil)
		if len(l.began) != 1 || len(l.reads) == 0 || slices.ContainsFunc(l.reads, func(s string) bool { return s != "" }) {
			w.t.Errorf("loads for %q, read for %q, though the request has no context", l.began, l.reads)
		}
		w.Fail(errGone)
		ask("c.example", requestOf("3"))
		if len(l.ended) != 2 || !errors.Is(l.ended[1], errGone) {
			w.t.Errorf("a load ended with %v, want that the store is gone", l.ended)
		}
	})
}

func TestWhoDoesNotWaitHasNoLoad(t *testing.T) {
	var l loads
	scene(t, mirror.Options{OnLoad: l.begin}, func(w *world) {
		w.write(simple("a", "v1"))
		w.start()
		if v := w.m.Lookup(tenant.Key{Authority: "nobody.example", Waiter: waiter{requestOf("1")}}); v.Freshness != tenant.Unknown {
			w.t.Errorf("a host of nobody is %s", v.Freshness)
		}
		step(soon)
		if len(l.began) > 0 {
			w.t.Errorf("loads for %q", l.began)
		}
		w.count(map[string]int64{"unknown": 1})
	})
}

// TestCommandsAreChildrenOfTheRequest is the whole way, on a real Redis.
func TestCommandsAreChildrenOfTheRequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	const prefix = redisstore.DefaultPrefix
	d := simple("a", "v1")
	server.Do("SET", prefix+"tenant:a", string(d.bytes()))
	server.Do("SET", prefix+"host:a.example", "a")
	server.Do("XADD", prefix+"changes", "*", "tenant", "a", "kind", "apply")
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Addr()}, Timeout: patience, TracerProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m := start(t, mirror.Options{
		Reader: s, Lazy: true, LookupBudget: patience, LoadTimeout: patience,
		OnLoad: func(requests []context.Context) (context.Context, func(error)) {
			ctx, span := provider.Tracer("test").Start(requests[0], "cors.policy.load")
			return ctx, func(error) { span.End() }
		},
	})
	untilReady(t, m)
	request, root := provider.Tracer("test").Start(t.Context(), "cors.decide")
	k := tenant.Key{Authority: "a.example", Waiter: waiter{request}}
	v := m.Lookup(k)
	for v.Freshness == tenant.Loading {
		<-v.Loading
		v = m.Lookup(k)
	}
	root.End()
	if !allows(v, "v1") {
		t.Fatalf("the tenant is %s", v.Freshness)
	}
	var load trace.SpanID
	for _, span := range recorder.Ended() {
		if span.Name() == "cors.policy.load" {
			load = span.SpanContext().SpanID()
		}
	}
	commands := 0
	for _, span := range recorder.Ended() {
		if span.SpanKind() == trace.SpanKindClient {
			commands++
			if span.Parent().SpanID() != load || span.SpanContext().TraceID() != root.SpanContext().TraceID() {
				t.Errorf("%s has another parent than the load, or is of another trace", span.Name())
			}
		}
	}
	if !load.IsValid() || commands < 2 { // the owner, the document
		t.Errorf("%d commands below the load %v, want at least 2", commands, load)
	}
}

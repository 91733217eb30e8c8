package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// observed collects operations.
type observed struct {
	mu  sync.Mutex
	ops []redisstore.Operation
}

func (o *observed) add(op redisstore.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ops = append(o.ops, op)
}

func (o *observed) names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, op := range o.ops {
		all = append(all, fmt.Sprintf("%s %d %s", op.Name, op.Commands, op.Error))
	}
	return all
}

func TestSpansAndOperations(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	server.Do("RPUSH", prefix+"tenant:acme", "x")
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	var ops observed
	as := account(server, "reader", redisstore.ReaderRules(prefix))
	s := open(t, server, func(o *redisstore.Options) {
		as(o)
		o.TracerProvider, o.Observe, o.DB = provider, ops.add, 0
	})
	do := func(ctx context.Context) {
		t.Helper()
		_, head := s.Head(ctx)
		docs, err := s.Documents(ctx, []string{"acme"})
		if err := errors.Join(head, err); err != nil || !errors.Is(docs.All[0].Err, store.ErrWrongType) {
			t.Fatal(err, docs)
		}
		_, now := s.Changes(ctx, store.Position{}, 1, 0)
		_, later := s.Changes(ctx, store.Position{}, 1, 1)
		_, all := ids(ctx, s)
		if err := errors.Join(now, later, all); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"PIPELINE 3 ", "PIPELINE 4 wrong_type", "XRANGE 1 ", "XREAD 1 ", "SCAN 1 "}
	do(t.Context())
	if got := ops.names(); !slices.Equal(got, want) {
		t.Errorf("operations %q, want %q", got, want)
	}
	if n := len(recorder.Ended()); n != 0 {
		t.Errorf("%d spans without a span to be a part of", n)
	}

	ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
	do(ctx)
	var got []string
	for _, span := range recorder.Ended() {
		if span.Parent().SpanID() != parent.SpanContext().SpanID() || span.SpanKind() != trace.SpanKindClient {
			t.Errorf("span %s is no client span of its caller", span.Name())
		}
		attrs := make(map[string]string)
		for _, a := range span.Attributes() {
			attrs[string(a.Key)] = a.Value.String()
		}
		if attrs["db.system.name"] != "redis" || attrs["db.operation.name"] != span.Name() ||
			attrs["server.address"]+":"+attrs["server.port"] != server.Addr() {
			t.Errorf("span %s has %v", span.Name(), attrs)
		}
		batch := attrs["db.operation.batch.size"]
		if batch == "" {
			batch = "1"
		}
		got = append(got, span.Name()+" "+batch+" "+attrs["error.type"])
		if text := fmt.Sprint(span.Attributes(), span.Events(), span.Status()); strings.Contains(text, "acme") || strings.Contains(text, "-word") {
			t.Errorf("span %s shows arguments: %s", span.Name(), text)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("spans %q, want %q", got, want)
	}
}

// What is returned, observed and put into spans while a login fails does not have the password.
func TestNothingShowsThePassword(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	var ops observed
	const secret = "s3cret-word"
	s := open(t, server, func(o *redisstore.Options) {
		o.Username, o.Password = "reader", func() (string, error) { return secret, nil }
		o.TracerProvider, o.Observe = provider, ops.add
	})
	ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
	var failures []error
	for range 7 {
		_, err := s.Head(ctx)
		failures = append(failures, err)
	}
	parent.End()
	shown := fmt.Sprintf("%+v %v", failures, ops.names())
	for _, span := range recorder.Ended() {
		shown += fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status())
	}
	if strings.Contains(shown, secret) {
		t.Errorf("the password is shown: %s", shown)
	}
	if got := ops.names(); len(got) != 7 || slices.ContainsFunc(got, func(op string) bool { return op != "PIPELINE 3 login" }) {
		t.Errorf("operations %q", got)
	}
}

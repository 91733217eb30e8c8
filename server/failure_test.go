package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// lookup is a registry made of a function.
type lookup func(context.Context, tenant.Key) tenant.View

func (f lookup) Lookup(ctx context.Context, k tenant.Key) tenant.View { return f(ctx, k) }

// reasonOf is the reason in the metadata of reply i.
func (s *script) reasonOf(t *testing.T, i int) string {
	t.Helper()
	fields := s.reply(t, i).GetDynamicMetadata().GetFields()[wire.Namespace].GetStructValue().GetFields()
	return fields[wire.MetaReason].GetStringValue()
}

// grantsIn names the CORS headers and metadata that a stream gave away.
func (s *script) grantsIn(t testing.TB) []string {
	t.Helper()
	var found []string
	for i := range s.replies {
		reply := s.reply(t, i)
		sets := append(reply.GetImmediateResponse().GetHeaders().GetSetHeaders(),
			reply.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders()...)
		for _, h := range sets {
			if name := h.GetHeader().GetKey(); strings.HasPrefix(name, wire.HeaderCORSPrefix) {
				found = append(found, name+": "+string(h.GetHeader().GetRawValue()))
			}
		}
		fields := reply.GetDynamicMetadata().GetFields()[wire.Namespace].GetStructValue().GetFields()
		for _, pair := range wire.HeaderMeta() {
			if v := fields[pair[1]]; v != nil {
				found = append(found, pair[1]+": "+v.GetStringValue())
			}
		}
	}
	return found
}

// TestFailures: whatever fails has a closed answer of the right shape (rules 76, 77, F96).
func TestFailures(t *testing.T) {
	t.Parallel()
	panics := lookup(func(context.Context, tenant.Key) tenant.View { panic("boom") })
	overloaded := func(cfg *server.Config) { cfg.MaxStreams = 1 }
	tests := []struct {
		name     string
		registry tenant.Registry
		overload bool
		reason   string
	}{
		{"registry unavailable", lookup(func(context.Context, tenant.Key) tenant.View { return tenant.View{Freshness: tenant.Unavailable} }), false, "store_unavailable"},
		{"registry panics", panics, false, "panic"},
		{"overload", snapshot(t, acme), true, "overload"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			change := overloaded
			if !tt.overload {
				change = nil
			}
			svc := service(t, tt.registry, change)
			if tt.overload {
				defer occupy(t, svc)()
			}
			r := get("api.acme.example", "https://app.acme.example")
			p := preflight("api.acme.example", "https://app.acme.example", "PUT")
			leak := [2]string{"access-control-allow-origin", "*"}
			for _, sequence := range []struct {
				in   []*message
				want shapes
			}{
				{[]*message{request(p)}, shapes{"immediate 503"}},
				{[]*message{only(p)}, shapes{"immediate 503"}},
				{[]*message{request(r), response(leak)}, shapes{"request_headers", "response_headers"}},
				{[]*message{only(r)}, shapes{"response_headers"}},
			} {
				s := play(t.Context(), sequence.in...)
				if err := svc.Process(s); err != nil {
					t.Fatal(err)
				}
				var got shapes
				for i := range s.replies {
					got = append(got, shape(s.reply(t, i)))
				}
				if diff := cmp.Diff(sequence.want, got); diff != "" {
					t.Errorf("replies (-want +got):\n%s", diff)
				}
				if got := s.reasonOf(t, 0); got != tt.reason {
					t.Errorf("reason: got %q, want %q", got, tt.reason)
				}
				if found := s.grantsIn(t); found != nil {
					t.Errorf("granted %v", found)
				}
				if len(sequence.in) == 2 {
					mutation := s.reply(t, 1).GetResponseHeaders().GetResponse().GetHeaderMutation()
					if !strings.Contains(strings.Join(mutation.GetRemoveHeaders(), " "), leak[0]) {
						t.Errorf("the application's grant is not removed: %v", mutation)
					}
				}
			}
		})
	}
}

// occupy keeps one stream open until the returned function is called.
func occupy(t *testing.T, svc *server.Service) (release func()) {
	t.Helper()
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- svc.Process(&held{script: play(t.Context()), entered: entered, leave: leave})
	}()
	<-entered
	return func() {
		close(leave)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// held is a stream whose first message never comes.
type held struct {
	*script
	entered, leave chan struct{}
}

func (h *held) RecvMsg(m any) error {
	close(h.entered)
	<-h.leave
	return h.script.RecvMsg(m)
}

// TestPanicsAreLoggedOnce: the log has each site once, with its stack; the observer is told
// every time, and its own panics stay its own.
func TestPanicsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	counted := 0
	svc := service(t, lookup(func(context.Context, tenant.Key) tenant.View { panic("boom") }), func(cfg *server.Config) {
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		cfg.Observe = func(o *server.Observation) {
			if o.Reason.String() == "panic" {
				counted++
			}
			panic("observer")
		}
	})
	for range 3 {
		s := play(t.Context(), request(get("api.acme.example", "https://app.acme.example")))
		if err := svc.Process(s); err != nil {
			t.Fatal(err)
		}
		if got := shape(s.reply(t, 0)); got != "request_headers" {
			t.Errorf("got %s", got)
		}
	}
	if counted != 3 {
		t.Errorf("observed %d panics, want 3", counted)
	}
	for _, site := range []string{"panic=boom", "panic=observer"} {
		if got := strings.Count(log.String(), site); got != 1 {
			t.Errorf("%q is logged %d times, want once", site, got)
		}
	}
	if !strings.Contains(log.String(), "failure_test.go") {
		t.Error("no stack in the log")
	}
}

// TestPanicIsToldOnce: a conflict at the response of a request that panicked is no second panic.
func TestPanicIsToldOnce(t *testing.T) {
	t.Parallel()
	panics, told := 0, 0
	svc := service(t, lookup(func(context.Context, tenant.Key) tenant.View { panic("boom") }), func(cfg *server.Config) {
		cfg.Observe = func(o *server.Observation) {
			told++
			if o.Panicked {
				panics++
			}
		}
	})
	leak := [2]string{"access-control-allow-origin", "*"}
	if err := svc.Process(play(t.Context(), request(get("api.acme.example", "https://app.acme.example")), response(leak))); err != nil {
		t.Fatal(err)
	}
	if panics != 1 || told != 2 {
		t.Errorf("%d panics in %d observations, want 1 in 2", panics, told)
	}
}

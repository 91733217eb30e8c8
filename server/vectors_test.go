package server_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/internal/vectors"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
)

// TestVectors runs the whole corpus in memory, over one registry of all its tenants, in
// each design. Every case is sent twice: the second reply may come from memory and
// must be the same.
func TestVectors(t *testing.T) {
	t.Parallel()
	files, err := vectors.Load("../policy/testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range vectors.Groups(files) {
		var now atomic.Int64
		var documents []string
		for _, f := range group {
			if _, known := f.Hosts(); known {
				documents = append(documents, string(f.Tenant))
			}
		}
		svc := service(t, snapshot(t, documents...), func(cfg *server.Config) {
			cfg.Clock = func() time.Time { return time.Unix(now.Load(), 0) }
		})
		envoy := servertest.Start(t, svc, server.Transport{})
		for _, f := range group {
			for i := range f.Cases {
				c := &f.Cases[i]
				r, err := c.PolicyRequest()
				if err != nil {
					t.Fatal(err)
				}
				now.Store(r.Now)
				for _, design := range []servertest.Design{servertest.TwoCallbacks, servertest.ResponseOnly, servertest.Metadata} {
					t.Run(f.Name+"/"+c.Name+"/"+string(design), func(t *testing.T) { runVector(t, envoy, design, c) })
				}
			}
		}
	}
}

func runVector(t *testing.T, envoy *servertest.Envoy, design servertest.Design, c *vectors.Case) {
	t.Helper()
	want, skip, why := c.WantIn(string(design))
	if skip {
		t.Skip(why)
	}
	request := servertest.Request{
		Method: c.Request.Method, Scheme: c.Request.Scheme,
		Authority: c.Request.Authority, Path: c.Request.Path, Headers: c.Request.Headers,
	}
	app := servertest.App{Status: c.App.Status, Headers: c.App.Headers}
	got, err := envoy.Do(t.Context(), design, request, app)
	if err != nil {
		t.Fatal(err)
	}
	if diff := vectors.Compare(want, got.Status, got.Headers); diff != "" {
		t.Errorf("response: %s", diff)
	}
	if got.Answered != want.Answered {
		t.Errorf("answered: got %v, want %v", got.Answered, want.Answered)
	}
	if got.Replies > 0 {
		decided := [3]string{got.Metadata[wire.MetaPhase], got.Metadata[wire.MetaDecision], got.Metadata[wire.MetaReason]}
		if diff := cmp.Diff([3]string{want.Kind, want.Outcome, want.Reason}, decided); diff != "" {
			t.Errorf("decision (-want +got):\n%s", diff)
		}
	}
	again, err := envoy.Do(t.Context(), design, request, app)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("the second time it differs (-first +second):\n%s", diff)
	}
}

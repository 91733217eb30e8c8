package probe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/internal/probe"
	"github.com/corsgate/corsgate/internal/probe/probetest"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	host    = "api.acme.example"
	allowed = "https://app.acme.example"
	path    = probetest.Path
)

// acme is the tenant of most tests.
const acme = `
id: acme
hosts: [api.acme.example]
policy:
  origins: ["https://app.acme.example"]
  methods: [PUT, DELETE]
  request_headers: [content-type, x-trace]
  expose_headers: [x-request-id]
  credentials: true
  max_age: 600s
`

// public is a tenant for everybody.
const public = `
id: open
hosts: [api.acme.example]
policy: {origins: ["*"], methods: [PUT], expose_headers: [x-request-id], max_age: 600s}
`

// documents are those of one text.
func documents(t *testing.T, text string) probe.Documents {
	t.Helper()
	d, err := document.Parse("tenants.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return probe.Documents{Registry: tenant.SnapshotOf(d.Record), Place: "tenants.yaml", Document: func(id string) *tenantv1.Tenant {
		if id != d.Tenant.GetId() {
			return nil
		}
		return d.Tenant
	}}
}

func sourceOf(t *testing.T, text string) probe.Source {
	docs := documents(t, text)
	return func(context.Context, string, string) (probe.Documents, error) { return docs, nil }
}

// fault changes an answer before it leaves.
type fault = probetest.Fault

func gateway(t *testing.T, docs probe.Documents, f fault) http.Handler {
	t.Helper()
	return probetest.Gateway(docs.Registry, f)
}

// serve runs a handler and gives its host:port.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// target is one that asks at addr.
func target(addr string) probe.Target {
	return probe.Target{
		URL: "http://" + host + path, Connect: addr, Expose: []string{"x-request-id"},
		ErrorPaths: []string{"/private=401", "/busy=503"},
	}
}

// once asks everything.
func once(t *testing.T, o probe.Options) *probe.Report {
	t.Helper()
	o.Version = "1.2.3"
	p, err := probe.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p.Once(t.Context())
}

// with are the cases of a verdict, sorted, each once.
func with(r *probe.Report, v probe.Verdict) []string {
	names := []string{}
	for _, target := range r.Targets {
		for _, c := range target.Cases {
			if c.Verdict == v {
				names = append(names, string(c.Case))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func text(t *testing.T, r *probe.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

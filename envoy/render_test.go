package envoy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
)

var update = flag.Bool("update", false, "write the golden files")

// goldens are the option sets whose configurations are kept in testdata.
func goldens() map[string]envoy.Options {
	out := map[string]envoy.Options{
		"a": envoy.DefaultOptions(envoy.TwoCallbacks),
		"b": envoy.DefaultOptions(envoy.ResponseOnly),
		"c": envoy.DefaultOptions(envoy.Metadata),
	}
	open := envoy.DefaultOptions(envoy.TwoCallbacks)
	open.FailOpen = true
	open.Admin = ""
	open.AccessLog = "/dev/stderr"
	out["a-fail-open"] = open

	unix := envoy.DefaultOptions(envoy.Metadata)
	unix.Processors = []string{"unix:/run/corsgate/extproc.sock"}
	out["c-unix"] = unix

	tls := envoy.DefaultOptions(envoy.Metadata)
	tls.Processors = []string{"10.0.0.1:9002", "10.0.0.2:9002"}
	tls.ProcessorTLS = &envoy.TLS{
		CA:   "/etc/corsgate/tls/ca.pem",
		Cert: "/etc/corsgate/tls/envoy.pem",
		Key:  "/etc/corsgate/tls/envoy-key.pem",
		SAN:  "corsgate.internal",
	}
	tls.MessageTimeout = 25 * time.Millisecond
	out["c-tls"] = tls

	traced := envoy.DefaultOptions(envoy.Metadata)
	traced.Tracing = &envoy.Tracing{Collector: "otel-collector:4317", Sampling: 1, Service: "edge"}
	out["c-tracing"] = traced

	rum := envoy.DefaultOptions(envoy.Metadata)
	rum.RUM = &envoy.RUM{Collector: "corsgate:9005"}
	out["c-rum"] = rum

	tenants := envoy.DefaultOptions(envoy.Metadata)
	tenants.Processors = []string{"corsgate:9002"}
	tenants.Upstream = "app:8080"
	tenants.RoutesOnly = true
	tenants.Routes = []envoy.Route{
		{Domains: []string{"api.acme.example", "*.acme.example"}, Tenant: "acme"},
		{Domains: []string{"api.globex.example"}, Tenant: "globex", Upstream: "globex:8080"},
		{Domains: []string{"status.example"}},
	}
	out["c-tenants"] = tenants
	return out
}

func TestRenderGolden(t *testing.T) {
	for name, o := range goldens() {
		t.Run(name, func(t *testing.T) {
			got, err := envoy.Render(o)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (write it with: go test ./envoy -update)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("golden file differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Maps lie below several parts of a bootstrap; none of them may show in the output.
func TestRenderIsDeterministic(t *testing.T) {
	o := goldens()["c-tenants"]
	first, err := envoy.Render(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := envoy.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatalf("two renderings differ:\n%s", cmp.Diff(string(first), string(again)))
		}
	}
}

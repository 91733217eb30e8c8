package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
	"github.com/corsgate/corsgate/tenant"
)

// stale is a registry that knows what it has from an earlier time only.
type stale struct{ tenant.Registry }

// Lookup implements [tenant.Registry].
func (s stale) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	v := s.Registry.Lookup(ctx, k)
	v.Freshness = tenant.Stale
	return v
}

// TestMetadataSaysWhoseAndWhich: tier, version, source, variant, shadow and entry reach the access log, and one
// policy's replies do not carry another request's facts although they are remembered.
func TestMetadataSaysWhoseAndWhich(t *testing.T) {
	t.Parallel()
	const doc = `{id: acme, hosts: [api.acme.example], labels: {tier: gold}, revision: 7,
		policy: {origins: ["https://x.example", "https://app.acme.example"]}, candidate: {policy: {origins: ["https://x.example"]}, percent: %s}}`
	const odd = `{id: odd, hosts: [api.odd.example], labels: {tier: " "}, policy: {origins: ["https://app.acme.example"]}}`
	tests := []struct {
		name    string
		percent string
		stale   bool
		host    string
		want    map[string]string
	}{
		{"watched", "0", false, "api.acme.example", map[string]string{"tier": "gold", "version": "7", "entry": "1", "shadow": "would_deny"}},
		{"old", "0", true, "api.acme.example", map[string]string{"tier": "gold", "version": "7", "entry": "1", "shadow": "would_deny", "source": "stale"}},
		{"a candidate", "100", false, "api.acme.example", map[string]string{"tier": "gold", "version": "7", "variant": "candidate"}},
		{"a tier that is no value", "0", false, "api.odd.example", map[string]string{"entry": "0"}},
		{"nobody", "0", false, "nobody.example", map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var registry tenant.Registry = snapshot(t, strings.ReplaceAll(doc, "%s", tt.percent), odd)
			if tt.stale {
				registry = stale{registry}
			}
			svc := service(t, registry, func(cfg *server.Config) { cfg.Clock = time.Now })
			envoy := servertest.Start(t, svc, server.Transport{})
			for _, again := range []bool{false, true} {
				got, err := envoy.Do(t.Context(), servertest.Metadata, get(tt.host, "https://app.acme.example"), servertest.App{Status: 200})
				if err != nil {
					t.Fatal(err)
				}
				facts := map[string]string{}
				for _, key := range []string{"tier", "version", "source", "variant", "shadow", "entry"} {
					if v := got.Metadata[key]; v != "" {
						facts[key] = v
					}
				}
				if diff := cmp.Diff(tt.want, facts); diff != "" {
					t.Errorf("remembered %t (-want +got):\n%s", again, diff)
				}
			}
		})
	}
}

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/grpc"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// hostTenants are for the same hosts as the virtual hosts of [hostLab].
const hostTenants = `
{id: open, hosts: [open.test], policy: {origins: ["*"]}}
---
{id: wild, hosts: ["*.wild.test", "[2001:db8::1]"], policy: {origins: ["*"]}}
---
{id: other, hosts: ["*"], policy: {origins: ["*"]}}
`

// spelledHosts are spellings of hosts that two readers could take for different ones.
func spelledHosts() []string {
	return []string{
		"open.test", "OPEN.test", "Open.Test:8443", "open.test.", "OPEN.TEST.", "open.test..", "open.test:80", "open.test:8443", "open.test.:8443", "open.test.:80",
		"open.test:", "open.test.:", "open.test:0", "open.test:080", "open.test:99999", "open.test:65536", "open.test:abc", "open.test:80:80", "open.test:-1", "sub.open.test", "xopen.test", ".open.test",
		"a.wild.test", "A.WILD.test:1", "a.b.wild.test", "wild.test", ".wild.test", "a.wild.test.", "a.wild.test.:8443", "a..wild.test", "*.wild.test", "-.wild.test", "a_b.wild.test", "*",
		strings.Repeat("a", 63) + ".wild.test", strings.Repeat("a", 64) + ".wild.test", strings.Repeat("a.", 130) + "wild.test",
		"[2001:db8::1]", "[2001:DB8::1]:8443", "[2001:db8:0::1]", "[2001:0db8::1]:80", "[::1]", "::1", "127.0.0.1", "127.0.0.1:8443", "127.1", "[open.test]", "[::1].wild.test", "[::1",
		"me@open.test", "open.test@evil.test", "open.test/x", "open.test?x", "open.test#x", "open.test;x", "open.test%2e", "open%2etest", "open.test,evil.test", "open.test evil.test",
		"xn--bcher-kva.wild.test", "b\xc3\xbccher.wild.test", "open\xe3\x80\x82test", "open.test\xe3\x80\x82", "localhost", "other.test", "http://open.test", ".", "..", ":80",
	}
}

// pick is what Envoy and corsgate make of one host.
type pick struct{ host, virtualHost, tenant string }

// picks sends each host and says which application got the request, and by which tenant it was decided; nothing for what Envoy refused.
func picks(t *testing.T, e *harness.Envoy, apps map[string]*harness.App) []pick {
	t.Helper()
	var out []pick
	paths := map[string]string{} // :: path → host
	for i, h := range spelledHosts() {
		path := fmt.Sprintf("/%d", i)
		resp := harness.Exchange(t, e.Addr, harness.Request("GET", path, h, [2]string{"origin", foreign}, [2]string{harness.HeaderID, e.Addr + path}))
		if resp.Status == 200 {
			paths[path] = h
		}
	}
	for path, h := range paths {
		p := pick{host: h, tenant: e.AwaitLog(t, path).Text("cors_tenant")}
		for name, app := range apps {
			if len(app.Requests(e.Addr+path)) > 0 {
				p.virtualHost = name
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b pick) int { return strings.Compare(a.host, b.host) })
	return out
}

// TestHostsAreTheSameForEnvoy (F22): a host has the virtual host and the tenant of one name, or is decided by nobody's policy.
func TestHostsAreTheSameForEnvoy(t *testing.T) {
	t.Parallel()
	apps := map[string]*harness.App{"open": harness.StartApp(t), "wild": harness.StartApp(t), "other": harness.StartApp(t)}
	processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenantsFile(t, hostTenants)})
	o := envoy.DefaultOptions(envoy.Metadata)
	o.Upstream, o.MessageTimeout = apps["other"].Addr, patientTimeout
	o.Routes = []envoy.Route{
		{Domains: []string{"open.test"}, Upstream: apps["open"].Addr},
		{Domains: []string{"*.wild.test"}, Upstream: apps["wild"].Addr},
	}
	svc, err := server.New(server.Config{Registry: byNormalizedHost{tenanttest.New(t, strings.Split(hostTenants, "---")...)}})
	if err != nil {
		t.Fatal(err)
	}
	without := harness.StartService(t, "", func(g *grpc.Server) { svc.Register(g) }, server.GRPCOptions(server.Transport{})...)
	for _, v := range harness.EnvoyVersions(t) {
		start := func(t *testing.T, processor string, strip bool) *harness.Envoy {
			o.Processors = []string{processor}
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Binary: v.Binary, Edit: managerEdit(t, func(m *hcmv3.HttpConnectionManager) {
				m.StripTrailingHostDot = m.StripTrailingHostDot && strip
				wild := m.GetRouteConfig().GetVirtualHosts()[1]
				wild.Domains = append(wild.Domains, "[2001:db8::1]")
			})})
			e.AwaitProcessors(t, 1)
			return e
		}
		for name, strip := range map[string]bool{"rendered": true, "dots kept": false} {
			t.Run(v.Name+" "+name, func(t *testing.T) {
				found := picks(t, start(t, processor.Addr, strip), apps)
				for _, p := range found {
					if p.tenant != "" && p.tenant != p.virtualHost {
						t.Errorf("%q goes to virtual host %s, and is decided for tenant %s", p.host, p.virtualHost, p.tenant)
					}
				}
				if strip != slices.Contains(found, pick{"open.test.", "open", "open"}) || !slices.Contains(found, pick{"A.WILD.test:1", "wild", "wild"}) {
					t.Errorf("hosts are not found: %q", found)
				}
			})
		}
		t.Run(v.Name+" control", func(t *testing.T) {
			if found := picks(t, start(t, without.Addr, false), apps); !slices.Contains(found, pick{"open.test.", "other", "open"}) {
				t.Errorf("with neither Envoy nor corsgate looking at dots, hosts go where they belong: the test would not notice: %q", found)
			}
		})
	}
}

// byNormalizedHost looks tenants up by the canonical form of any spelling.
type byNormalizedHost struct{ tenant.Registry }

func (r byNormalizedHost) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	if host, ok := tenant.NormalizeHost(k.Authority); ok {
		k.Authority = host
	}
	return r.Registry.Lookup(ctx, k)
}

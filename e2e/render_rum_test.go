package e2e_test

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

// What a page learns from the pings must not depend on a policy, on the processor or on the application.
func TestPathsForPages(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app, collector := harness.StartApp(t), harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			o := envoy.DefaultOptions(design)
			o.Upstream, o.Processors = app.Addr, []string{p.Addr}
			o.MessageTimeout = patientTimeout
			o.RUM = &envoy.RUM{Collector: collector.Addr}
			o.Routes = []envoy.Route{{Domains: []string{"*.acme.example"}, Tenant: "acme"}}
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o})
			e.AwaitProcessors(t, 1)
			for _, authority := range []string{host, "elsewhere.example"} {
				assertPings(t, e, authority)
				assertReport(t, e, collector, authority)
			}
			if n := len(p.Asked()); n != 0 || app.Total() != 0 {
				t.Errorf("the processor was asked %d times and the application %d times, want never", n, app.Total())
			}
			assertOnlyThose(t, e, p)

			p.Stop()
			e.AwaitProcessors(t, 0)
			assertPings(t, e, host)
		})
	}
}

func assertPings(t *testing.T, e *harness.Envoy, authority string) {
	t.Helper()
	for path, want := range map[string][][2]string{
		wire.PathPing: {{"cache-control", "no-store"}, {"cross-origin-resource-policy", "cross-origin"}},
		wire.PathCORSPing + "?once": {
			{"access-control-allow-origin", "*"}, {"cache-control", "no-store"}, {"cross-origin-resource-policy", "cross-origin"},
		},
	} {
		for _, origin := range []string{listed, "https://foreign.example"} {
			got := harness.Exchange(t, e.Addr, harness.Request("GET", path, authority, [2]string{"Origin", origin}))
			headers := slices.DeleteFunc(got.Headers, func(h [2]string) bool { return h[0] == "date" || h[0] == "server" })
			slices.SortFunc(headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
			if diff := cmp.Diff(want, headers); diff != "" || got.Status != http.StatusNoContent {
				t.Errorf("%s at %s for %s: status %d, headers (-want +got):\n%s", path, authority, origin, got.Status, diff)
			}
		}
	}
}

// assertReport sends a report that says more than it should; the answer is the collector's alone.
func assertReport(t *testing.T, e *harness.Envoy, collector *harness.App, authority string) {
	t.Helper()
	got := harness.Exchange(t, e.Addr, harness.Request("POST", wire.PathRUM, authority, [2]string{"Origin", listed},
		[2]string{harness.HeaderID, authority}, [2]string{"Content-Length", "0"}, leaky,
		[2]string{"X-Forwarded-For", "forged"}, [2]string{"Cookie", "a=b"}, [2]string{"Authorization", "Bearer x"}, [2]string{"Referer", "https://app.acme.example/secret"}))
	if got.Status != http.StatusOK || got.Get("vary") != "Accept" || got.Get("access-control-allow-origin") != "*" {
		t.Errorf("a report at %s: not the collector's answer: %d %v", authority, got.Status, got.Headers)
	}
	seen := collector.Requests(authority)
	if len(seen) != 1 {
		t.Fatalf("the collector saw %d reports at %s, want 1", len(seen), authority)
	}
	for _, name := range []string{"Cookie", "Authorization", "Referer"} {
		if v := seen[0].Header.Get(name); v != "" {
			t.Errorf("the collector got %s: %s", name, v)
		}
	}
	// Envoy writes an address of its own in the place of a loopback one; what a client forges stands before it.
	forwarded := strings.Split(seen[0].Header.Get("X-Forwarded-For"), ",")
	if len(forwarded) != 2 || net.ParseIP(forwarded[1]) == nil || seen[0].Header.Get("Origin") != listed {
		t.Errorf("the collector got %v", seen[0].Header)
	}
}

// assertOnlyThose asks beside the paths: what does not match exactly is decided as everything else.
func assertOnlyThose(t *testing.T, e *harness.Envoy, p *harness.Scripted) {
	t.Helper()
	for _, r := range [][2]string{{"POST", wire.PathPing}, {"GET", wire.PathPing + "/x"}, {"GET", wire.PathRUM}, {"OPTIONS", wire.PathRUM}} {
		harness.Exchange(t, e.Addr, harness.Request(r[0], r[1], host, [2]string{"Origin", listed},
			[2]string{"Access-Control-Request-Method", "PUT"}, [2]string{"Content-Length", "0"}))
		if len(p.Asked()) == 0 {
			t.Errorf("%s %s was not decided", r[0], r[1])
		}
	}
}

package e2e_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// pathsTenant has a policy for each part of the application.
const pathsTenant = `
id: acme
hosts: [api.acme.example]
policy: {origins: ["https://other.example"]}
routes:
- {path_prefix: /public, policy: {origins: ["*"]}}
- {path_prefix: /partner, policy: {origins: ["https://partner.example"]}}
- {path_prefix: /admin, policy: {origins: ["https://admin.example"], credentials: true}}
`

// pathsServer are the parts of an application that takes what follows a semicolon for parameters, as many do. It grants
// everything to everybody.
const pathsServer = `
    add_header Access-Control-Allow-Origin * always;
    location / { return 200 other; }
    location ~ "^/public(/|;|$)" { return 200 public; }
    location ~ "^/partner(/|;|$)" { return 200 partner; }
    location ~ "^/admin(/|;|$)" { return 200 admin; }`

// issuePaths were served by the stricter part and decided by the laxer policy, in an Envoy that leaves escaped slashes alone.
func issuePaths() []string {
	return []string{"/partner/..%2fadmin", "/public/..%2fadmin", "/public/%2e%2e%2fadmin", "/admin%2f", "/admin;x"}
}

// evilPaths are spellings of which Envoy, corsgate and the application could each make something else.
func evilPaths() []string {
	return append(issuePaths(), "/public/..%2Fadmin", "/public/%2E%2E%2Fadmin", "/public%2f..%2fadmin", "/public/x%2f..%2f..%2fadmin",
		"/public/%2e%2e/admin", "/public/.%2e/admin", "/public/../admin", "/public//../admin", "/public/./../admin", "/public/x/../../admin",
		"/public/%252e%252e/admin", "/public/..%252fadmin", "/public/..;/admin", "/public/%2e%2e;/admin", "/public;/../admin", "/public;x/admin",
		`/public\..\admin`, `/public/..\admin`, "/public/..%5cadmin", "/public/%2e%2e%5cadmin", "/public/..%c0%afadmin",
		"/admin%2Fx", "/admin;x/y", "/admin%3bx", "/admin%3Bx/y", "/%61dmin", "/adm%69n/x", "/%2561dmin", "//admin", "///admin/x", "/./admin", "/.//admin",
		"/%2fadmin", "/%2Fadmin", "/%5cadmin", `/\admin`, "/;/admin", "/;%2fadmin", "/admin/.", "/admin/..", "/admin%00", "/admin#x", "/admin%23", "/admin%3fx", "/ADMIN", "/admin?x=/public", "/public?/../admin")
}

// mayRead says which origins the policy of a part of the application lists.
func mayRead(part, origin string) bool {
	return part == "public" || origin == "https://"+part+".example"
}

// crossings are the evil paths by which a page read a part of the application that the policy of this part keeps from it.
func crossings(t *testing.T, addr string) []string {
	t.Helper()
	var out []string
	for _, path := range evilPaths() {
		for _, origin := range []string{"https://other.example", "https://partner.example", "https://evil.example"} {
			resp := harness.Exchange(t, addr, harness.Request("GET", path, host, [2]string{"origin", origin}))
			allowed := resp.Get("access-control-allow-origin")
			if read := resp.Status == 200 && (allowed == "*" || allowed == origin); read && !mayRead(string(resp.Body), origin) {
				out = append(out, path)
			}
		}
	}
	return slices.Compact(out)
}

// managerEdit changes the connection manager of a rendered configuration.
func managerEdit(t *testing.T, edit func(*hcmv3.HttpConnectionManager)) func(*bootstrapv3.Bootstrap) {
	t.Helper()
	return func(b *bootstrapv3.Bootstrap) { manager(t, b, edit) }
}

// byFirstSegment looks tenants up as if nothing but the bytes of the first segment counted: what corsgate did before rule 27a.
type byFirstSegment struct{ tenant.Registry }

func (r byFirstSegment) Lookup(ctx context.Context, k tenant.Key) tenant.View {
	first, _, _ := strings.Cut(strings.TrimPrefix(k.Path, "/"), "/")
	k.Path = "/none"
	if slices.Contains([]string{"public", "partner", "admin"}, first) {
		k.Path = "/" + first
	}
	return r.Registry.Lookup(ctx, k)
}

// TestPathsAreDecidedForWhatIsServed (F20, F21): whatever spelling a page sends, it reads nothing that the policy of the
// part of the application which answers keeps from it, also in Envoys that leave paths as they are.
func TestPathsAreDecidedForWhatIsServed(t *testing.T) {
	t.Parallel()
	app := harness.StartNGINX(t, pathsServer)
	processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenantsFile(t, pathsTenant)})
	svc, err := server.New(server.Config{Registry: byFirstSegment{tenanttest.New(t, pathsTenant)}})
	if err != nil {
		t.Fatal(err)
	}
	without := harness.StartService(t, "", func(g *grpc.Server) { svc.Register(g) }, server.GRPCOptions(server.Transport{})...)
	keep := managerEdit(t, func(m *hcmv3.HttpConnectionManager) {
		m.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_KEEP_UNCHANGED
	})
	raw := managerEdit(t, func(m *hcmv3.HttpConnectionManager) {
		m.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_KEEP_UNCHANGED
		m.NormalizePath, m.MergeSlashes = wrapperspb.Bool(false), false
	})
	for _, v := range harness.EnvoyVersions(t) {
		start := func(t *testing.T, d envoy.Design, processor string, edit func(*bootstrapv3.Bootstrap)) *harness.Envoy {
			o := envoy.DefaultOptions(d)
			o.Upstream, o.Processors, o.MessageTimeout = app.Addr, []string{processor}, patientTimeout
			e := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Binary: v.Binary, Edit: edit})
			e.AwaitProcessors(t, 1)
			return e
		}
		for name, edit := range map[string]func(*bootstrapv3.Bootstrap){"rendered": nil, "slashes kept": keep, "nothing normalised": raw} {
			for _, d := range []envoy.Design{envoy.Metadata, envoy.TwoCallbacks} {
				t.Run(v.Name+" "+string(d)+" "+name, func(t *testing.T) {
					e := start(t, d, processor.Addr, edit)
					if got := crossings(t, e.Addr); len(got) > 0 {
						t.Errorf("pages read what is not theirs by %q", got)
					}
					readsItsOwn(t, e.Addr)
				})
			}
		}
		t.Run(v.Name+" control", func(t *testing.T) {
			got := crossings(t, start(t, envoy.Metadata, without.Addr, keep).Addr)
			for _, path := range issuePaths() {
				if !slices.Contains(got, path) {
					t.Errorf("nobody crosses by %s, with neither Envoy nor corsgate looking at it: the test would not notice", path)
				}
			}
			if got := crossings(t, start(t, envoy.Metadata, without.Addr, nil).Addr); slices.ContainsFunc(got, func(p string) bool {
				return strings.Contains(strings.ToLower(p), "%2f") && !strings.Contains(p, "%252f") && !strings.Contains(p, ";")
			}) {
				t.Errorf("the rendered Envoy alone lets escaped slashes cross: %q", got)
			}
		})
	}
}

// readsItsOwn makes sure that ordinary paths go on working.
func readsItsOwn(t *testing.T, addr string) {
	t.Helper()
	for path, part := range map[string]string{
		"/public/x": "public", "/public/a%20b": "public", "/public/%C3%A9.png": "public", "/partner/x?y=/../z": "partner",
		"/admin/": "admin", "/admin/x;v=1/y": "admin", "/orders/100%25": "other", "/.well-known/x": "other", "/orders/a%2Fb": "other",
	} {
		resp := harness.Exchange(t, addr, harness.Request("GET", path, host, [2]string{"origin", "https://" + part + ".example"}))
		if got := string(resp.Body); got != part || resp.Get("access-control-allow-origin") == "" {
			t.Errorf("%s is served by %q with %v, want %s and readable", path, got, resp.CORS(), part)
		}
	}
}

package e2e_test

import (
	"slices"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

// TestLocalReplies: rule 69. What Envoy answers by itself carries CORS headers like
// anything else, so that a page can tell a 403 from a network failure.
func TestLocalReplies(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, withLocalReplies(t))
			e.checkLocalReplies(t)
		})
	}
}

// TestUpstreamDown: rule 69, for an application that cannot be reached.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, func(o *envoy.Options) { o.Upstream = "127.0.0.1:9" })
			got := e.ask(t, "GET", "/", [2]string{"origin", listed})
			if diff := cmp.Diff(grants(), got.CORS()); got.Status != 503 || diff != "" {
				t.Errorf("status %d, headers (-want +got):\n%s", got.Status, diff)
			}
			got = e.ask(t, "OPTIONS", "/", preflight(listed, "PUT")...)
			if got.Status != 204 {
				t.Errorf("a preflight needs no application: got %d", got.Status)
			}
		})
	}
}

// TestNoRoute: rule 69, for a host that Envoy has no virtual host for.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, design, func(o *envoy.Options) {
				o.RoutesOnly, o.Routes = true, []envoy.Route{{Domains: []string{"elsewhere.example"}}}
			})
			got := e.ask(t, "GET", "/", [2]string{"origin", listed})
			if diff := cmp.Diff(grants(), got.CORS()); got.Status != 404 || diff != "" {
				t.Errorf("status %d, headers (-want +got):\n%s", got.Status, diff)
			}
			got = e.ask(t, "OPTIONS", "/", preflight(listed, "PUT")...)
			if got.Status != 204 || got.Get("access-control-allow-origin") != listed {
				t.Errorf("preflight (rule 51): status %d, %v", got.Status, got.CORS())
			}
		})
	}
}

func (e *edge) checkLocalReplies(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		status     int
	}{
		{"rule 68: redirect", "/redirect", 301},
		{"rule 69: direct response", "/direct", 418},
		{"rule 69: denied by a later filter", "/forbidden", 403},
	} {
		allowed := e.ask(t, "GET", tc.path, [2]string{"origin", listed})
		if diff := cmp.Diff(grants(), allowed.CORS()); allowed.Status != tc.status || diff != "" {
			t.Errorf("%s: status %d, headers (-want +got):\n%s", tc.name, allowed.Status, diff)
		}
		denied := e.ask(t, "GET", tc.path, [2]string{"origin", foreign})
		if diff := cmp.Diff(onlyVary(), denied.CORS()); denied.Status != tc.status || diff != "" {
			t.Errorf("%s, denied: status %d, headers (-want +got):\n%s", tc.name, denied.Status, diff)
		}
		answered := e.ask(t, "OPTIONS", tc.path, preflight(listed, "PUT")...)
		if answered.Status != 204 || answered.Get("access-control-allow-origin") != listed {
			t.Errorf("%s, preflight (rule 51): status %d, %v", tc.name, answered.Status, answered.CORS())
		}
	}
	if n := e.app.Total(); n != 0 {
		t.Errorf("%d requests reached the application", n)
	}
}

// withLocalReplies makes Envoy answer some paths itself.
func withLocalReplies(t *testing.T) func(*envoy.Options) {
	t.Helper()
	filter := pack(t, forbid("/forbidden"))
	return func(o *envoy.Options) {
		o.ExtraFilters = []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.rbac",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: filter},
		}}
		o.ExtraRoutes = []*routev3.Route{
			{
				Match: exactPath("/redirect"),
				Action: &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{
					PathRewriteSpecifier: &routev3.RedirectAction_PathRedirect{PathRedirect: "/elsewhere"},
				}},
			},
			{
				Match:  exactPath("/direct"),
				Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 418}},
			},
		}
	}
}

func exactPath(path string) *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: path}}
}

// forbid is an RBAC filter that denies one path.
func forbid(path string) *rbacv3.RBAC {
	at := &matcherv3.PathMatcher{Rule: &matcherv3.PathMatcher_Path{Path: &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_Exact{Exact: path},
	}}}
	return &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{
		Action: rbacconfigv3.RBAC_DENY,
		Policies: map[string]*rbacconfigv3.Policy{"path": {
			Permissions: []*rbacconfigv3.Permission{{Rule: &rbacconfigv3.Permission_UrlPath{UrlPath: at}}},
			Principals:  []*rbacconfigv3.Principal{{Identifier: &rbacconfigv3.Principal_Any{Any: true}}},
		}},
	}}
}

func pack(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	out, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeniedBefore: rule 69. A filter that stands before ours denies; only the response is
// shown to us, and its attributes tell the request. So it is where an operator has ext_proc
// behind another filter and without our gate, in designs A and B.
func TestDeniedBefore(t *testing.T) {
	t.Parallel()
	for _, design := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly} {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			e := startWithFilterFirst(t, design)
			got := e.ask(t, "GET", "/forbidden", [2]string{"origin", listed})
			if diff := cmp.Diff(grants(), got.CORS()); got.Status != 403 || diff != "" {
				t.Errorf("status %d, headers (-want +got):\n%s", got.Status, diff)
			}
			got = e.ask(t, "GET", "/forbidden", [2]string{"origin", foreign})
			if diff := cmp.Diff(onlyVary(), got.CORS()); got.Status != 403 || diff != "" {
				t.Errorf("denied: status %d, headers (-want +got):\n%s", got.Status, diff)
			}
		})
	}
}

func startWithFilterFirst(t *testing.T, design envoy.Design) *edge {
	t.Helper()
	e := startBehind(t)
	o := envoy.DefaultOptions(design)
	o.Upstream, o.Processors = e.app.Addr, []string{e.processor.Addr}
	first := &hcmv3.HttpFilter{
		Name:       "envoy.filters.http.rbac",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(t, forbid("/forbidden"))},
	}
	e.Envoy = harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: func(b *bootstrapv3.Bootstrap) {
		editManager(t, b, func(m *hcmv3.HttpConnectionManager) {
			at := slices.IndexFunc(m.HttpFilters, func(f *hcmv3.HttpFilter) bool { return f.GetName() == envoy.FilterDecide })
			m.HttpFilters[at].ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: ungated(t, m.HttpFilters[at])}
			m.HttpFilters = append([]*hcmv3.HttpFilter{first}, m.HttpFilters...)
		})
	}})
	e.AwaitProcessors(t, 1)
	return e
}

func editManager(t *testing.T, b *bootstrapv3.Bootstrap, edit func(*hcmv3.HttpConnectionManager)) {
	t.Helper()
	config := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig()
	var manager hcmv3.HttpConnectionManager
	if err := config.UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	edit(&manager)
	if err := config.MarshalFrom(&manager); err != nil {
		t.Fatal(err)
	}
}

// ungated takes the call for actual requests out of its gate, and asks for what tells the
// request of a response.
func ungated(t *testing.T, gate *hcmv3.HttpFilter) *anypb.Any {
	t.Helper()
	var composite compositev3.Composite
	if err := gate.GetTypedConfig().UnmarshalTo(&composite); err != nil {
		t.Fatal(err)
	}
	calls := composite.GetMatcher().GetMatcherList().GetMatchers()[0].GetOnMatch().GetMatcher()
	var run compositev3.ExecuteFilterAction
	action := calls.GetOnNoMatch().GetAction().GetTypedConfig()
	if err := action.UnmarshalTo(&run); err != nil {
		t.Fatal(err)
	}
	var call extprocv3.ExternalProcessor
	if err := run.GetTypedConfig().GetTypedConfig().UnmarshalTo(&call); err != nil {
		t.Fatal(err)
	}
	call.ProcessingRequestModifier = nil
	call.ResponseAttributes = []string{wire.AttrOrigin, wire.AttrHost, wire.AttrMethod, wire.AttrPath, wire.AttrScheme}
	return pack(t, &call)
}

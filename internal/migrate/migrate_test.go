package migrate_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/migrate"
	"github.com/corsgate/corsgate/internal/migrate/migratetest"
	"github.com/corsgate/corsgate/tenant/document"
)

// TestDifferences: what is not CORS of one policy, but of what stands around it.
func TestDifferences(t *testing.T) {
	t.Parallel()
	const cors = `{"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy, allow_origin_string_match: [{exact: "https://a.example"}]`
	envoy := func(filters, vhost, policy string) string {
		return `static_resources: {listeners: [{filter_chains: [{filters: [{typed_config: {stat_prefix: in, http_filters: [` + filters + `],
  route_config: {name: r, virtual_hosts: [{name: v, domains: [x.example], ` + vhost + ` typed_per_filter_config: {envoy.filters.http.cors: ` + policy + `}}]}}}]}]}]}`
	}
	const filter, routes = `{name: envoy.filters.http.cors, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}`,
		`routes: [{match: {prefix: /}, route: {cluster: a}}],`
	ingress := func(annotations string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, annotations: {nginx.ingress.kubernetes.io/enable-cors: "true", ` + annotations + `}},
spec: {rules: [{host: x.example}]}}`
	}
	service := func(http string) string {
		return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [x.example], http: [` + http + `]}}`
	}
	const istio = `corsPolicy: {allowOrigins: [{exact: "https://a.example"}]`
	for _, tc := range []struct {
		name, in  string
		want      migrate.Code
		documents int
	}{
		{"envoy", envoy(filter, routes, cors+"}"), "", 1},
		{"no filter runs", envoy("", routes, cors+"}"), migrate.CodeNoEffect, 0},
		{"the filter is disabled on the host", envoy(filter, routes, `{"@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}`), "", 0},
		{"a filter of another name", envoy(strings.Replace(filter, "envoy.filters.http.cors,", "mine,", 1), routes, cors+"}"), migrate.CodeNoEffect, 0},
		{"a part of the traffic", envoy(filter, routes, cors+", filter_enabled: {default_value: {numerator: 50}}}"), migrate.CodeFraction, 0},
		{"a runtime key", envoy(filter, routes, cors+", filter_enabled: {default_value: {numerator: 100}, runtime_key: k}}"), migrate.CodeFraction, 1},
		{"shadow", envoy(filter, routes, cors+", filter_enabled: {default_value: {numerator: 0}}, shadow_enabled: {default_value: {numerator: 100}}}"), migrate.CodeShadow, 0},
		{"off", envoy(filter, routes, cors+", filter_enabled: {default_value: {numerator: 0}}}"), migrate.CodeNoEffect, 0},
		{"an unknown field", envoy(filter, routes, cors+", allow_everything: true}"), migrate.CodeUnknownField, 1},
		{"a tree of matchers", envoy(filter, "matcher: {},", cors+"}"), migrate.CodeField, 0},
		{"a redirect", envoy(filter, "routes: [{match: {path: /x}, redirect: {}}, {match: {prefix: /}, route: {cluster: a}}],", cors+"}"), migrate.CodeRouteReply, 1},
		{"a host on a port", strings.Replace(envoy(filter, routes, cors+"}"), "x.example", `"x.example:8443"`, 1), migrate.CodeHost, 1},
		{"a host by its start", strings.Replace(envoy(filter, routes, cors+"}"), "x.example", `"x.*"`, 1), migrate.CodeHost, 0},
		{"routes alone", `{virtual_hosts: [{domains: [x.example], ` + routes + ` cors: {allow_origin_string_match: [{exact: "https://a.example"}]}}]}`, migrate.CodeTarget, 1},
		{"a delegate", service(`{delegate: {name: d}, ` + istio + `}}`), migrate.CodeField, 0},
		{"an unknown field of istio", service(`{` + istio + `, allowEverything: true}}`), migrate.CodeUnknownField, 1},
		{"another type", service(`{` + istio + `, allowCredentials: "true"}}`), migrate.CodeField, 1},
		{"a part without a policy", service(`{match: [{uri: {exact: /x}}], ` + istio + `}}, {}`), migrate.CodePathMixed, 1},
		{"an unknown annotation", ingress(`nginx.ingress.kubernetes.io/cors-new: x`), migrate.CodeUnknownField, 1},
		{"a snippet", ingress(`nginx.ingress.kubernetes.io/configuration-snippet: "add_header Access-Control-Allow-Origin *;"`), migrate.CodeField, 1},
		{"a bad list", ingress(`nginx.ingress.kubernetes.io/cors-allow-origin: "https://$x"`), migrate.CodeOriginDropped, 1},
		{"a canary", ingress(`nginx.ingress.kubernetes.io/canary: "true"`), migrate.CodeNoEffect, 0},
		{"literal star", ingress(`a: b`), migrate.CodeOriginLiteral, 1},
		{
			"a policy without its route", `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: SecurityPolicy, metadata: {name: s},
spec: {targetRef: {kind: HTTPRoute, name: gone}, cors: {allowOrigins: ["https://a.example"]}}}`, migrate.CodeTarget, 0,
		},
		{
			"a route without hosts", `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r},
spec: {rules: [{filters: [{type: CORS, cors: {allowOrigins: ["https://a.example"]}}]}]}}`, migrate.CodeTarget, 0,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: []byte(tc.in)}}, migrate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Documents) != tc.documents {
				t.Errorf("%d documents, want %d", len(result.Documents), tc.documents)
			}
			if tc.want != "" && !slices.ContainsFunc(result.Differences, func(d migrate.Difference) bool { return d.Code == tc.want }) {
				t.Errorf("no %s in %v", tc.want, result.Differences)
			}
			if tc.want == "" && len(result.Differences) > 0 {
				t.Errorf("differences: %v", result.Differences)
			}
		})
	}
}

// TestHostInTwoPlaces: two virtual hosts of one name are told apart by their listeners, which documents cannot.
func TestHostInTwoPlaces(t *testing.T) {
	t.Parallel()
	one := func(name, origin string) string {
		return `{name: ` + name + `, virtual_hosts: [{domains: [x.example], routes: [{match: {prefix: /}, route: {cluster: a}}], cors: {allow_origin_string_match: [{exact: "` +
			origin + `"}, {exact: "https://both.example"}]}}]}`
	}
	result, err := migrate.Convert([]migrate.Input{
		{Name: "a", Data: []byte(one("a", "https://one.example"))}, {Name: "b", Data: []byte(one("b", "https://two.example"))},
	}, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Documents) != 1 || !slices.Equal(result.Documents[0].GetPolicy().GetOrigins(), []string{"https://both.example"}) {
		t.Errorf("documents: %v", result.Documents)
	}
}

// TestWildcardHosts: what has no policy, or no tenant, does not get that of a wildcard.
func TestWildcardHosts(t *testing.T) {
	t.Parallel()
	const in = `virtual_hosts:
- {domains: ["*.x.example"], routes: [{match: {prefix: /}, route: {cluster: a}}], cors: {allow_origin_string_match: [{exact: "https://a.example"}]}}
- {domains: [open.x.example, open.y.example], routes: [{match: {prefix: /}, route: {cluster: a}}]}
- {domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: a}}], cors: {allow_origin_string_match: [{exact: "https://a.example"}, {exact: "https://b.example"}]}}
- {domains: ["z.*"], routes: [{match: {prefix: /}, route: {cluster: a}}], cors: {allow_origin_string_match: [{exact: "https://b.example"}]}}
`
	result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: []byte(in)}}, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	after := load(t, result)
	for _, tc := range []struct {
		host, origin string
		want         bool
	}{
		{"open.x.example", "https://a.example", false},
		{"open.y.example", "https://a.example", false},
		{"z.example", "https://a.example", false},
		{"z.example", "https://b.example", true},
	} {
		if got, _ := after.allowsAt(tc.host, "/", &migratetest.Ask{Origin: tc.origin, Method: "GET"}); got != tc.want {
			t.Errorf("%s may read %s: %v, want %v\n%s", tc.origin, tc.host, got, tc.want, after.text)
		}
	}
}

func TestInputThatIsNone(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"[", "- a\n", "a: &a [*a]\n", "text"} {
		if _, err := migrate.Convert([]migrate.Input{{Name: "in", Data: []byte(in)}}, migrate.Options{}); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
	if _, err := migrate.Convert([]migrate.Input{{Name: "in", Data: make([]byte, migrate.MaxInput+1)}}, migrate.Options{}); err == nil {
		t.Error("too much was taken")
	}
}

// FuzzConvert: no input breaks the readers, what comes out is accepted, and the report stays on its lines.
func FuzzConvert(f *testing.F) {
	for _, g := range gateways() {
		f.Add(g)
	}
	f.Add([]byte("kind: List\nitems: [{kind: List, items: [{kind: Ingress}]}, 1, null]\n"))
	f.Add([]byte(`{virtual_hosts: [{domains: ["*", "*.x", 1, "[::1]:80"], routes: [{match: {safe_regex: {regex: "(("}}, cors: {allow_origin_string_match: [{}]}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			t.Skip()
		}
		result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: data}}, migrate.Options{AlignPaths: len(data)%2 == 0, DangerouslyAllow: len(data)%3 == 0})
		if err != nil {
			return
		}
		text, err := result.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, problems := document.Decode("out", text); len(problems) > 0 {
			t.Fatalf("%s\n%v", text, problems)
		}
		var report bytes.Buffer
		if err := result.Text(&report); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(report.String(), "\x1b\r") {
			t.Fatalf("control characters got through: %q", report.String())
		}
	})
}

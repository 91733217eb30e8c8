package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
)

// TestLintOfWhatCameByXDS runs an Envoy whose listeners, routes, clusters and one filter come by
// xDS, with a fault in each, and finds in its dump what it finds in the bootstrap that has them all.
func TestLintOfWhatCameByXDS(t *testing.T) {
	t.Parallel()
	o := envoy.DefaultOptions(envoy.Metadata)
	faults := func(b *bootstrapv3.Bootstrap) {
		manager(t, b, func(m *hcmv3.HttpConnectionManager) {
			m.NormalizePath = nil
			m.GetRouteConfig().GetVirtualHosts()[0].GetRoutes()[0].TypedPerFilterConfig = map[string]*anypb.Any{
				envoy.FilterDecide: packed(t, &routev3.FilterConfig{Disabled: true}),
			}
			var apply mutationv3.HeaderMutation
			unpacked(t, m.GetHttpFilters()[0].GetTypedConfig(), &apply)
			l := apply.GetMutations().GetResponseMutations()
			apply.Mutations.ResponseMutations = append(l[:2:2], l[3:]...)
			m.HttpFilters[0].ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(t, &apply)}
		})
		b.GetStaticResources().GetClusters()[0].CircuitBreakers = nil
	}
	var want []string
	for _, f := range lintOfFile(t, o, faults) {
		want = append(want, f.rule)
	}
	if diff := cmp.Diff([]string{"apply-incomplete", "circuit-breakers", "path-normalization", "retry-breaker", "route-disables"}, want); diff != "" {
		t.Fatalf("the file has other faults:\n%s", diff)
	}
	dir := t.TempDir()
	running := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: func(b *bootstrapv3.Bootstrap) {
		faults(b)
		byXDS(t, b, dir)
	}})
	c, err := lint.Fetch(t.Context(), "http://"+running.AdminAddr())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found(c) {
		got = append(got, f.rule)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the bootstrap and the dump differ (-bootstrap +dump):\n%s", diff)
	}
}

// byXDS moves everything out of a bootstrap into files.
func byXDS(tb testing.TB, b *bootstrapv3.Bootstrap, dir string) {
	tb.Helper()
	put := func(name string, list ...proto.Message) *corev3.ConfigSource {
		response := &discoveryv3.DiscoveryResponse{}
		for _, m := range list {
			response.Resources = append(response.Resources, packed(tb, m))
		}
		text, err := protojson.Marshal(response)
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			tb.Fatal(err)
		}
		return &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{Path: path}},
		}
	}
	manager(tb, b, func(m *hcmv3.HttpConnectionManager) {
		apply := m.GetHttpFilters()[0]
		source := put("ecds.json", &corev3.TypedExtensionConfig{Name: apply.GetName(), TypedConfig: apply.GetTypedConfig()})
		apply.ConfigType = &hcmv3.HttpFilter_ConfigDiscovery{ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource: source, TypeUrls: []string{"type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"},
		}}
		m.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource: put("rds.json", m.GetRouteConfig()), RouteConfigName: m.GetRouteConfig().GetName(),
		}}
	})
	static := b.GetStaticResources()
	b.StaticResources = nil
	var clusters []proto.Message
	for _, c := range static.GetClusters() {
		clusters = append(clusters, c)
	}
	b.Node = &corev3.Node{Id: "edge", Cluster: "edge"}
	b.DynamicResources = &bootstrapv3.Bootstrap_DynamicResources{
		LdsConfig: put("lds.json", static.GetListeners()[0]), CdsConfig: put("cds.json", clusters...),
	}
}

// manager changes the HTTP connection manager of a rendered bootstrap.
func manager(tb testing.TB, b *bootstrapv3.Bootstrap, f func(*hcmv3.HttpConnectionManager)) {
	tb.Helper()
	filter := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0]
	var m hcmv3.HttpConnectionManager
	unpacked(tb, filter.GetTypedConfig(), &m)
	f(&m)
	if err := filter.GetTypedConfig().MarshalFrom(&m); err != nil {
		tb.Fatal(err)
	}
}

func packed(tb testing.TB, m proto.Message) *anypb.Any {
	tb.Helper()
	a, err := anypb.New(m)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func unpacked(tb testing.TB, a *anypb.Any, m proto.Message) {
	tb.Helper()
	if err := a.UnmarshalTo(m); err != nil {
		tb.Fatal(err)
	}
}

// finding is one of lint's, without its path, which differs between a file and a dump.
type finding struct{ rule, place, detail string }

// found are the findings in a configuration, sorted.
func found(c *lint.Config) []finding {
	var out []finding
	for _, f := range lint.Check(c, lint.Options{}).Findings {
		out = append(out, finding{string(f.Rule.ID), f.Place.Name, f.Detail})
	}
	slices.SortFunc(out, func(a, b finding) int { return slices.Compare([]string{a.rule, a.place}, []string{b.rule, b.place}) })
	return out
}

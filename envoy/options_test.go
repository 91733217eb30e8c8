package envoy_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy"
)

// An operator corrects a configuration once, not once for each mistake.
func TestOptionErrorsAllAtOnce(t *testing.T) {
	o := envoy.Options{
		Design:       "d",
		Listen:       "localhost:10000",
		Admin:        "nowhere",
		Processors:   []string{"unix:relative", "corsgate:0", "10.0.0.1:9002"},
		ProcessorTLS: &envoy.TLS{Cert: "cert.pem", SAN: "*.internal"},
		Upstream:     "app:http",
		AccessLog:    "a\nb",
		RUM:          &envoy.RUM{Collector: "collector"},
		Tracing:      &envoy.Tracing{Collector: "collector", Sampling: math.NaN(), Service: "a\x00"},
		RoutesOnly:   true,
		Routes: []envoy.Route{
			{Domains: []string{"API.example", "a.example:80"}, Tenant: "%REQ(x)%"},
			{Domains: []string{"b.example", "b.example"}, Upstream: "b_example"},
			{},
		},
	}
	_, err := envoy.Render(o)
	got := optionsOf(err)
	want := []string{
		"Admin", "AccessLog", "Design", "Listen", "MessageTimeout",
		"ProcessorTLS.CA", "ProcessorTLS.Cert", "ProcessorTLS.SAN",
		"Processors[0]", "Processors[0]", "Processors[1]",
		"Routes[0].Domains", "Routes[0].Domains", "Routes[0].Tenant",
		"Routes[1].Domains", "Routes[1].Upstream", "Routes[2].Domains", "RUM.Collector",
		"Tracing.Collector", "Tracing.Sampling", "Tracing.Service", "Upstream",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options with errors (-want +got):\n%s\n%v", diff, err)
	}
}

// optionsOf are the options that a joined error names, sorted.
func optionsOf(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var out []string
	for _, e := range joined.Unwrap() {
		if bad, ok := errors.AsType[*envoy.OptionError](e); ok {
			out = append(out, bad.Option)
		}
	}
	slices.Sort(out)
	return out
}

func TestOptionEdges(t *testing.T) {
	tests := map[string]struct {
		change func(*envoy.Options)
		want   []string
	}{
		"port 0 to listen on": {func(o *envoy.Options) { o.Listen = "127.0.0.1:0" }, nil},
		"IPv6":                {func(o *envoy.Options) { o.Listen, o.Processors = "[::]:80", []string{"[::1]:9002"} }, nil},
		"no processor":        {func(o *envoy.Options) { o.Processors = nil }, []string{"Processors"}},
		"port too large":      {func(o *envoy.Options) { o.Upstream = "a:65536" }, []string{"Upstream"}},
		"socket path of 108":  {func(o *envoy.Options) { o.Processors = []string{"unix:/" + string(make([]byte, 107))} }, []string{"Processors[0]"}},
		"more than all traced": {func(o *envoy.Options) {
			o.Tracing = &envoy.Tracing{Collector: "[::1]:4317", Sampling: 100.5}
		}, []string{"Tracing.Sampling"}},
		"domain twice": {func(o *envoy.Options) {
			o.Routes = []envoy.Route{{Domains: []string{"*"}, Tenant: "a"}, {Domains: []string{"*"}, Tenant: "b"}}
		}, []string{"Routes[1].Domains"}},
		"routes only without routes": {func(o *envoy.Options) { o.RoutesOnly = true }, []string{"RoutesOnly"}},
		"tenant with a formatter": {func(o *envoy.Options) {
			o.Routes = []envoy.Route{{Domains: []string{"*"}, Tenant: "%req(x)%"}}
		}, []string{"Routes[0].Tenant"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := envoy.DefaultOptions(envoy.Metadata)
			tt.change(&o)
			_, err := envoy.Render(o)
			if diff := cmp.Diff(tt.want, optionsOf(err)); diff != "" {
				t.Errorf("options with errors (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

// A comment whose place is gone is an error of Render: whatever the options, none may be.
func TestEveryCommentHasItsPlace(t *testing.T) {
	for _, d := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		for bits := range 128 {
			o := envoy.DefaultOptions(d)
			o.FailOpen = bits&1 != 0
			if bits&2 != 0 {
				o.Admin = ""
			}
			if bits&4 != 0 {
				o.ProcessorTLS = &envoy.TLS{CA: "/ca.pem", SAN: "corsgate"}
			}
			if bits&8 != 0 {
				o.Routes = []envoy.Route{{Domains: []string{"a.example"}}, {Domains: []string{"b.example"}, Tenant: "b"}}
			}
			if bits&16 != 0 {
				o.Tracing = &envoy.Tracing{Collector: "127.0.0.1:4317"}
			}
			if bits&32 != 0 {
				o.RUM = &envoy.RUM{}
				if bits&64 != 0 {
					o.RUM.Collector = "127.0.0.1:9005"
				}
			}
			if _, err := envoy.Render(o); err != nil {
				t.Errorf("design %s, variant %07b: %v", d, bits, err)
			}
		}
	}
}

// Authentication and rate limits must come after CORS, and before the router.
func TestExtraFiltersAndRoutesKeepTheirPlace(t *testing.T) {
	o := envoy.DefaultOptions(envoy.Metadata)
	config, err := anypb.New(&mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{}})
	if err != nil {
		t.Fatal(err)
	}
	o.ExtraFilters = []*hcmv3.HttpFilter{{
		Name: "extra", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config},
	}}
	o.ExtraRoutes = []*routev3.Route{{
		Name:   "extra",
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: "/extra"}},
		Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}},
	}}
	boot, err := envoy.Bootstrap(o)
	if err != nil {
		t.Fatal(err)
	}
	var hcm hcmv3.HttpConnectionManager
	packed := boot.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig()
	if err := packed.UnmarshalTo(&hcm); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range hcm.GetHttpFilters() {
		names = append(names, f.GetName())
	}
	want := []string{envoy.FilterApply, envoy.FilterVary, envoy.FilterDecide, "extra", "envoy.filters.http.router"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	last := hcm.GetHttpFilters()[len(want)-1].GetTypedConfig()
	if !last.MessageIs(&routerv3.Router{}) {
		t.Errorf("the last filter is %s", last.GetTypeUrl())
	}
	routes := hcm.GetRouteConfig().GetVirtualHosts()[0].GetRoutes()
	if len(routes) != 2 || routes[0].GetName() != "extra" {
		t.Errorf("routes are %v", routes)
	}
	if _, err := envoy.Render(o); err != nil {
		t.Errorf("rendering extras: %v", err)
	}
}

// An extra filter of an unknown type must be reported, not printed wrongly.
func TestUnprintableExtraFilter(t *testing.T) {
	o := envoy.DefaultOptions(envoy.Metadata)
	o.ExtraFilters = []*hcmv3.HttpFilter{{Name: "odd", ConfigType: &hcmv3.HttpFilter_TypedConfig{
		TypedConfig: &anypb.Any{TypeUrl: "type.googleapis.com/no.such.Message"},
	}}}
	if out, err := envoy.Render(o); err == nil {
		t.Errorf("rendered %d bytes, want an error", len(out))
	}
}

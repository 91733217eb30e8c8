package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/envoy"
)

// What stands in front of the application; the others are the designs of package envoy.
const (
	plain      = "plain"
	corsFilter = "cors"
	luaFilter  = "lua"
)

// corsgateServer is the built program, beside typedServer and bytesServer.
const corsgateServer = "corsgate"

// contender is one way to treat CORS.
type contender struct {
	name    string
	filters string // plain, corsFilter, luaFilter or a design
	server  string // none when empty
}

// contenders stand in the order in which a round measures them: what is compared is neighbours.
func contenders() []contender {
	out := []contender{
		{name: "plain Envoy", filters: plain},
		{name: "CORS filter", filters: corsFilter},
		{name: "Lua list", filters: luaFilter},
	}
	for _, d := range []envoy.Design{envoy.Metadata, envoy.TwoCallbacks} {
		for _, server := range []string{typedServer, corsgateServer, bytesServer} {
			out = append(out, contender{name: fmt.Sprintf("%s, %s", server, d), filters: string(d), server: server})
		}
	}
	return append(out, contender{name: "corsgate, b", filters: string(envoy.ResponseOnly), server: corsgateServer})
}

// rival is the name of the server without decisions that c is held against.
func (c contender) rival() string { return fmt.Sprintf("%s, %s", typedServer, c.filters) }

// bootstrap is the configuration of c: what `corsgate render envoy` gives, with the filters
// replaced, and with the application as a second listener on appPort.
func (c contender) bootstrap(processor, collector string, appPort int) (*bootstrapv3.Bootstrap, error) {
	design := envoy.Design(c.filters)
	if c.server == "" {
		design = envoy.Metadata
	}
	o := envoy.DefaultOptions(design)
	o.Listen, o.Admin, o.AccessLog = anyPort, anyPort, "/dev/null"
	o.Upstream = fmt.Sprintf("127.0.0.1:%d", appPort)
	o.Processors = []string{processor}
	o.MessageTimeout = patience / 3 // a slow machine must not change the answers
	o.Tracing = &envoy.Tracing{Collector: collector}
	boot, err := envoy.Bootstrap(o)
	if err != nil {
		return nil, err
	}
	app, err := applicationListener(appPort)
	if err != nil {
		return nil, err
	}
	boot.StaticResources.Listeners = append(boot.StaticResources.Listeners, app)
	if c.server != "" {
		return boot, nil
	}
	dropProcessor(boot)
	return boot, c.replaceFilters(boot)
}

// merge adds the listener and the clusters of the i-th contender to those of the others.
func merge(all, one *bootstrapv3.Bootstrap, i int) (*bootstrapv3.Bootstrap, error) {
	text, err := protojson.Marshal(one)
	if err != nil {
		return nil, err
	}
	// Names are the only places in which these stand alone.
	for _, name := range append(processorClusters(), envoy.ListenerName) {
		text = bytes.ReplaceAll(text, []byte(strconv.Quote(name)), []byte(strconv.Quote(nth(name, i))))
	}
	var renamed bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(text, &renamed); err != nil {
		return nil, err
	}
	if all == nil {
		return &renamed, nil
	}
	to, from := all.GetStaticResources(), renamed.GetStaticResources()
	to.Listeners = append(to.Listeners, from.GetListeners()[0])
	for _, cluster := range from.GetClusters() {
		for _, name := range processorClusters() {
			if cluster.GetName() == nth(name, i) {
				to.Clusters = append(to.Clusters, cluster)
			}
		}
	}
	return all, nil
}

func nth(name string, i int) string { return fmt.Sprintf("%s-%d", name, i) }

func listenerOf(i int) string { return nth(envoy.ListenerName, i) }

// processorClusters are the clusters of one processor.
func processorClusters() []string { return []string{envoy.ClusterProcessor, envoy.ClusterPreflight} }

// dropProcessor takes the clusters out that nobody would answer for.
func dropProcessor(boot *bootstrapv3.Bootstrap) {
	var rest []*clusterv3.Cluster
	for _, cluster := range boot.GetStaticResources().GetClusters() {
		if !slices.Contains(processorClusters(), cluster.GetName()) {
			rest = append(rest, cluster)
		}
	}
	boot.StaticResources.Clusters = rest
}

// replaceFilters puts the filters of c into the rendered connection manager.
func (c contender) replaceFilters(boot *bootstrapv3.Bootstrap) error {
	filter := boot.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0]
	var hcm hcmv3.HttpConnectionManager
	if err := filter.GetTypedConfig().UnmarshalTo(&hcm); err != nil {
		return err
	}
	filters := []proto.Message{&routerv3.Router{}}
	switch c.filters {
	case corsFilter:
		filters = append([]proto.Message{&corsv3.Cors{}}, filters...)
		policy, err := anypb.New(corsPolicy())
		if err != nil {
			return err
		}
		hcm.GetRouteConfig().GetVirtualHosts()[0].TypedPerFilterConfig = map[string]*anypb.Any{nameOf(&corsv3.Cors{}): policy}
	case luaFilter:
		filters = append([]proto.Message{&luav3.Lua{
			DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: luaList}},
		}}, filters...)
	}
	hcm.HttpFilters = nil
	for _, f := range filters {
		config, err := anypb.New(f)
		if err != nil {
			return err
		}
		hcm.HttpFilters = append(hcm.HttpFilters, &hcmv3.HttpFilter{
			Name: nameOf(f), ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config},
		})
	}
	config, err := anypb.New(&hcm)
	filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
	return err
}

func nameOf(filter proto.Message) string {
	switch filter.(type) {
	case *corsv3.Cors:
		return "envoy.filters.http.cors"
	case *luav3.Lua:
		return "envoy.filters.http.lua"
	default:
		return "envoy.filters.http.router"
	}
}

// corsPolicy is the bench tenant's policy as Envoy's own filter can say it.
func corsPolicy() *corsv3.CorsPolicy {
	exact := func(s string) *matcherv3.StringMatcher {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: s}}
	}
	return &corsv3.CorsPolicy{
		AllowOriginStringMatch: []*matcherv3.StringMatcher{
			exact("https://www.acme.example"), exact(allowedOrigin),
			{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: `https://[a-z0-9-]+\.preview\.acme\.example`}}},
		},
		AllowMethods: "PUT,DELETE", AllowHeaders: "content-type,authorization", ExposeHeaders: "x-request-id",
		AllowCredentials: wrapperspb.Bool(true), MaxAge: "600",
	}
}

// luaList is what operators write by hand: one list for everybody.
const luaList = `
local origins = {["https://www.acme.example"] = true, ["https://app.acme.example"] = true}
function envoy_on_request(handle)
  local headers = handle:headers()
  local origin = headers:get("origin")
  if origin == nil or not origins[origin] then return end
  handle:streamInfo():dynamicMetadata():set("lua", "origin", origin)
  if headers:get(":method") == "OPTIONS" and headers:get("access-control-request-method") ~= nil then
    handle:respond({[":status"] = "204", ["access-control-allow-methods"] = "PUT,DELETE",
      ["access-control-allow-headers"] = "content-type,authorization", ["access-control-max-age"] = "600"}, "")
  end
end
function envoy_on_response(handle)
  local headers = handle:headers()
  local found = handle:streamInfo():dynamicMetadata():get("lua")
  if found ~= nil then
    headers:replace("access-control-allow-origin", found["origin"])
    headers:replace("access-control-allow-credentials", "true")
    headers:replace("access-control-expose-headers", "x-request-id")
  end
  headers:add("vary", "Origin")
end
`

// applicationListener answers everything with 200 and a few bytes.
func applicationListener(port int) (*listenerv3.Listener, error) {
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		return nil, err
	}
	hcm, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix: "application",
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
			VirtualHosts: []*routev3.VirtualHost{{
				Name: "any", Domains: []string{"*"},
				Routes: []*routev3.Route{{
					Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
					Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
						Status: 200, Body: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: `{"id":7,"state":"shipped"}`}},
					}},
				}},
			}},
		}},
		HttpFilters: []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router}}},
	})
	if err != nil {
		return nil, err
	}
	return &listenerv3.Listener{
		Name: "application",
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: hcm},
		}}}},
	}, nil
}

package gateway_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
)

// object is a JSON object.
type object = map[string]any

// static makes of the translation of a form what Envoy can run without a control plane: routes
// stand in their listener, endpoints in their cluster, and addresses are those of the test.
func static(t *testing.T, form gateway.Form, app, processor string, timeout time.Duration) *bootstrapv3.Bootstrap_StaticResources {
	t.Helper()
	text, err := os.ReadFile(testdata(string(form) + ".xds.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dump struct {
		XDS map[string]struct{ Configs []object } `json:"xds"`
	}
	if err := json.Unmarshal(text, &dump); err != nil {
		t.Fatal(err)
	}
	var listeners, clusters []object
	routes, endpoints := object{}, object{}
	for _, c := range dump.XDS["default/eg"].Configs {
		for _, x := range list(c["dynamicListeners"]) {
			listeners = append(listeners, bare(x["activeState"].(object)["listener"]))
		}
		for _, x := range list(c["dynamicRouteConfigs"]) {
			r := bare(x["routeConfig"])
			routes[r["name"].(string)] = r
		}
		for _, x := range list(c["dynamicActiveClusters"]) {
			clusters = append(clusters, bare(x["cluster"]))
		}
		for _, x := range list(c["dynamicEndpointConfigs"]) {
			e := bare(x["endpointConfig"])
			endpoints[e["clusterName"].(string)] = e
		}
	}
	for _, c := range clusters {
		if eds, ok := c["edsClusterConfig"].(object); ok {
			delete(c, "edsClusterConfig")
			c["type"], c["loadAssignment"] = "STATIC", endpoints[eds["serviceName"].(string)]
		}
	}
	var ours []object
	for _, l := range listeners {
		if strings.HasPrefix(l["name"].(string), "default/eg/") {
			ours = append(ours, l)
			l["name"] = envoy.ListenerName
			l["address"] = object{"socketAddress": object{"address": "127.0.0.1", "portValue": 0}}
		}
	}
	tree := object{"listeners": ours, "clusters": clusters}
	w := world{routes: routes, addresses: map[string]string{appAddress: app, processorAddress: processor}, timeout: fmt.Sprintf("%.3fs", timeout.Seconds())}
	w.settle(t, tree)
	text, err = json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	out := new(bootstrapv3.Bootstrap_StaticResources)
	if err := protojson.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// world is what a translation is put into.
type world struct {
	routes    object
	addresses map[string]string
	timeout   string
}

// settle inlines routes and exchanges addresses and the timeout of calls, everywhere in v.
func (w world) settle(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case object:
		if rds, ok := v["rds"].(object); ok {
			delete(v, "rds")
			v["routeConfig"] = w.routes[rds["routeConfigName"].(string)]
		}
		if v["messageTimeout"] != nil {
			v["messageTimeout"] = w.timeout
		}
		if v["message_timeout"] != nil {
			v["message_timeout"] = w.timeout
		}
		w.move(t, v)
		for _, inner := range v {
			w.settle(t, inner)
		}
	case []object:
		for _, inner := range v {
			w.settle(t, inner)
		}
	case []any:
		for _, inner := range v {
			w.settle(t, inner)
		}
	}
}

// move exchanges the address of a socket.
func (w world) move(t *testing.T, v object) {
	t.Helper()
	port, ok := v["portValue"].(float64)
	if !ok {
		return
	}
	to, ok := w.addresses[net.JoinHostPort(v["address"].(string), strconv.Itoa(int(port)))]
	if !ok {
		return
	}
	host, p, err := net.SplitHostPort(to)
	if err != nil {
		t.Fatal(err)
	}
	v["address"] = host
	if v["portValue"], err = strconv.Atoi(p); err != nil {
		t.Fatal(err)
	}
}

func list(v any) []object {
	var out []object
	items, _ := v.([]any)
	for _, x := range items {
		out = append(out, x.(object))
	}
	return out
}

// bare is a resource without the type that says what it is.
func bare(v any) object {
	o := v.(object)
	delete(o, "@type")
	return o
}

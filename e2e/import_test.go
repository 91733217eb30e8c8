package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/migrate"
	"github.com/corsgate/corsgate/internal/migrate/migratetest"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// importSamples is how many policies of Envoy's CORS filter are tried. They are the first of those that package migrate holds
// against the written description of the filter.
const importSamples = 30

// TestImportedEnvoy asks the real Envoy with its own CORS filter, and corsgate with the documents that are made of the same
// configuration. What Envoy lets browsers do is what its description says, so that the tests of package migrate
// speak of the real one, and the documents allow nothing beyond it.
func TestImportedEnvoy(t *testing.T) {
	t.Parallel()
	gateway := migratetest.Gateways()[0]
	r := rand.New(rand.NewPCG(1, 2))
	var samples []*migratetest.Sample
	for range importSamples {
		samples = append(samples, migratetest.New(r, gateway.Kinds...))
	}
	conn := harness.Dial(t, startCORSFilter(t, samples).Addr)
	allowed := 0
	for i, s := range samples {
		text := gateway.Write(s)
		result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: text}}, migrate.Options{DangerouslyAllow: i%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		tenants := snapshotOf(t, result)
		for _, a := range migratetest.Asks() {
			lets := realEnvoyAllows(t, conn, sampleHost(i), &a)
			said := gateway.Asked(s, &a)
			if lets != (a.Passes(said) && (!a.Preflighted() || a.Granted(said))) {
				t.Fatalf("%+v: Envoy allows it: %v, and its description says otherwise:\n%s", a, lets, text)
			}
			switch ours := documentsAllow(tenants, &a); {
			case ours && !lets:
				t.Fatalf("%+v: Envoy does not allow it, the documents do:\n%s", a, text)
			case ours:
				allowed++
			}
		}
	}
	if allowed < 500 {
		t.Errorf("only %d requests were allowed: the test asks the wrong questions", allowed)
	}
}

func sampleHost(i int) string { return fmt.Sprintf("s%d.example.com", i) }

// startCORSFilter runs Envoy with its CORS filter and a virtual host for each policy.
func startCORSFilter(t *testing.T, samples []*migratetest.Sample) *harness.Envoy {
	t.Helper()
	app := harness.StartApp(t)
	var hosts []any
	for i, s := range samples {
		hosts = append(hosts, map[string]any{
			"name": sampleHost(i), "domains": []string{sampleHost(i)},
			"typed_per_filter_config": map[string]any{"envoy.filters.http.cors": migratetest.EnvoyPolicy(s)},
		})
	}
	text, err := json.Marshal(map[string]any{"name": "samples", "virtual_hosts": hosts})
	if err != nil {
		t.Fatal(err)
	}
	routes := &routev3.RouteConfiguration{}
	if err := protojson.Unmarshal(text, routes); err != nil {
		t.Fatal(err)
	}
	o := envoy.DefaultOptions(envoy.ResponseOnly)
	o.Upstream, o.Processors = app.Addr, []string{"127.0.0.1:9"}
	return harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: func(b *bootstrapv3.Bootstrap) {
		editManager(t, b, func(m *hcmv3.HttpConnectionManager) {
			there := m.GetRouteConfig().GetVirtualHosts()[0].GetRoutes()
			for _, vh := range routes.GetVirtualHosts() {
				vh.Routes = there
			}
			m.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: routes}
			m.HttpFilters = []*hcmv3.HttpFilter{
				{Name: "envoy.filters.http.cors", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(t, &corsv3.Cors{})}},
				m.GetHttpFilters()[len(m.GetHttpFilters())-1],
			}
		})
	}})
}

// realEnvoyAllows does what a browser does.
func realEnvoyAllows(t *testing.T, conn *harness.Conn, host string, a *migratetest.Ask) bool {
	t.Helper()
	ask := func(method string, headers ...[2]string) *migratetest.Answer {
		got, err := conn.Do(harness.Request(method, "/", host, append(headers, [2]string{"origin", a.Origin})...))
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		return &migratetest.Answer{
			Status: got.Status, Origin: got.Get("access-control-allow-origin"), Credentials: got.Get("access-control-allow-credentials"),
			Methods: got.Get("access-control-allow-methods"), Headers: got.Get("access-control-allow-headers"),
		}
	}
	if a.Preflighted() {
		headers := [][2]string{{"access-control-request-method", a.Method}}
		if len(a.Headers) > 0 {
			headers = append(headers, [2]string{"access-control-request-headers", strings.Join(a.Headers, ",")})
		}
		if !a.Granted(ask("OPTIONS", headers...)) {
			return false
		}
	}
	return a.Passes(ask("GET"))
}

func snapshotOf(t *testing.T, result *migrate.Result) *tenant.Snapshot {
	t.Helper()
	text, err := result.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return tenanttest.New(t, string(text))
}

// documentsAllow does the same with corsgate.
func documentsAllow(tenants *tenant.Snapshot, a *migratetest.Ask) bool {
	view := tenants.Lookup(context.Background(), tenant.Key{Authority: migratetest.Host, Path: "/"})
	answered := func(status int, headers []policy.Header) *migratetest.Answer {
		values := map[string]string{}
		for _, h := range headers {
			values[h.Name] = h.Value
		}
		return &migratetest.Answer{
			Status: status, Origin: values["access-control-allow-origin"], Credentials: values["access-control-allow-credentials"],
			Methods: values["access-control-allow-methods"], Headers: values["access-control-allow-headers"],
		}
	}
	if a.Preflighted() {
		d := view.Decide(&policy.Request{
			Method: "OPTIONS", Origin: a.Origin, RequestMethod: a.Method, RequestHeaders: strings.Join(a.Headers, ","),
		}, policy.UnknownRefuse)
		if !a.Granted(answered(d.AppendReply(nil))) {
			return false
		}
	}
	d := view.Decide(&policy.Request{Method: "GET", Origin: a.Origin}, policy.UnknownRefuse)
	return a.Passes(answered(200, d.AppendGrants(nil)))
}

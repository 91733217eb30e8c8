package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
)

// TestOptions has Envoy Gateway accept what the other options render.
func TestOptions(t *testing.T) {
	t.Parallel()
	tls := gateway.DefaultOptions(gateway.Policies)
	tls.Processor.CAConfigMap, tls.Processor.SAN = "corsgate-ca", "corsgate"
	variants := map[string]gateway.Options{"policies tls": tls}
	for _, d := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		o := gateway.DefaultOptions(gateway.Patch)
		o.Design = d
		o.Processor.TLS = &envoy.TLS{CA: "/ca.pem", Cert: "/cert.pem", Key: "/key.pem", SAN: "corsgate"}
		variants["patch tls "+string(d)] = o
	}
	for name, o := range variants {
		text, err := gateway.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		list := resources(t, o.Form, appAddress, processorAddress, o.MessageTimeout)
		for _, d := range parse(t, text) {
			list = replaced(list, d)
		}
		if o.Processor.CAConfigMap != "" {
			list = append(list, document{
				"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": object{"namespace": "corsgate", "name": "corsgate-ca"},
				"data":     object{"ca.crt": authority},
			})
		}
		for _, d := range list {
			switch d.key() {
			case "Service/shop":
				d.reach(t, "192.0.2.1:8080")
			case "EnvoyProxy/corsgate":
				d["spec"].(object)["routingType"] = "Service"
			}
		}
		statuses(t, name, translate(t, list, "gateway-api"))
		chain := chainOf(t, list)
		if want := envoy.FilterDecide; o.Form == gateway.Patch && !strings.Contains(strings.Join(chain, " "), want) {
			t.Errorf("%s: no %s in %q", name, want, chain)
		}
	}
}

// authority is a certificate that nobody has the key of.
const authority = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUOWPfNpntuoFQjlvpKpKP6FH5UuwwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZXhhbXBsZTAgFw0yNjExMjcwNjEwMzJaGA8yMTI2MTEwMzA2
MTAzMlowEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABPi85Xof/GvCgi6S8ePSf/n/eP1kQ7EZGmyqjUXMx3a2O/KtzTUrN6CpB1xS
1cFmgfdi3gl/RpH4K/CDoSYKJdqjUzBRMB0GA1UdDgQWBBTe2VsVNzmELFuomnNw
PxoGQwS6uzAfBgNVHSMEGDAWgBTe2VsVNzmELFuomnNwPxoGQwS6uzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCyBLIssMwxE97te1y/O3w586U3
fsI976ABOe4RVJ8HpwIgURsPXkvDvxTqmFHWw02gNBIWcvTXjaqTaj4E+4DzHBg=
-----END CERTIFICATE-----
`

// replaced is the list with one document in the place of the one of the same key, or at the end.
func replaced(list []document, d document) []document {
	for i := range list {
		if list[i].key() == d.key() {
			list[i] = d
			return list
		}
	}
	return append(list, d)
}

// TestOrderHolds puts in front of corsgate what Envoy Gateway puts first by itself: the rendered
// order moves corsgate before it.
func TestOrderHolds(t *testing.T) {
	t.Parallel()
	policy := func(kind string, spec object) document {
		spec["targetRefs"] = []any{object{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "shop"}}
		return document{"apiVersion": backendGroup + "/v1alpha1", "kind": kind, "metadata": object{"namespace": "default", "name": "other"}, "spec": spec}
	}
	for name, other := range map[string]document{
		"cors":  policy("SecurityPolicy", object{"cors": object{"allowOrigins": []any{"https://old.example"}}}),
		"fault": policy("BackendTrafficPolicy", object{"faultInjection": object{"abort": object{"httpStatus": 503, "percentage": 100}}}),
	} {
		list := resources(t, gateway.Policies, appAddress, processorAddress, gateway.DefaultOptions(gateway.Policies).MessageTimeout)
		chain := chainOf(t, append(list, other))
		ours := chain[:min(5, len(chain))]
		for i, f := range ours {
			want := "envoy.filters.http.ext_proc/"
			if i == 0 {
				want = "envoy.filters.http.header_mutation"
			}
			if !strings.HasPrefix(f, want) {
				t.Errorf("%s: place %d has %s", name, i, f)
			}
		}
		if !slices.Contains(chain, "envoy.filters.http."+name) {
			t.Errorf("%s is not in %q", name, chain)
		}
	}
}

// TestHalfAPatch has one patch after another refused, as by an Envoy Gateway that does not know a
// field: what is left asks only where all is there, and removes CORS headers whenever it can.
func TestHalfAPatch(t *testing.T) {
	t.Parallel()
	all := []string{envoy.FilterApply, envoy.FilterVary, envoy.FilterDecide}
	for broken, want := range map[string][]string{
		"":                 all,
		envoy.FilterApply:  nil,
		envoy.FilterVary:   all[:1],
		envoy.FilterDecide: all[:2],
	} {
		list := resources(t, gateway.Patch, appAddress, processorAddress, gateway.DefaultOptions(gateway.Patch).MessageTimeout)
		for _, d := range list {
			if d["kind"] != "EnvoyPatchPolicy" {
				continue
			}
			for _, p := range patchesOf(d) {
				if value := p["operation"].(object)["value"].(object); value["name"] == broken {
					value["a_field_of_tomorrow"] = true
				}
			}
		}
		var got []string
		for _, name := range chainOf(t, list) {
			if strings.HasPrefix(name, "cors-") {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("without %q (-want +got):\n%s", broken, diff)
		}
	}
}

func patchesOf(policy document) []object { return list(policy["spec"].(object)["jsonPatches"]) }

// chainOf is the chain of filters that Envoy Gateway makes of resources.
func chainOf(t *testing.T, resources []document) []string {
	t.Helper()
	var tree any
	if err := json.Unmarshal(translate(t, resources, "xds"), &tree); err != nil {
		t.Fatal(err)
	}
	var chains [][]string
	collect(tree, &chains)
	if len(chains) != 1 {
		t.Fatalf("%d chains", len(chains))
	}
	return chains[0]
}

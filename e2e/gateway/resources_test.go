package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy/gateway"
)

// Addresses that stand in translations; tests put their own in.
const (
	appAddress       = "192.0.2.1:8080"
	processorAddress = "192.0.2.2:9002"
)

// guarded is the host whose route asks for a token before it lets anybody through.
const guarded = "guarded.test"

// document is a resource of Kubernetes.
type document map[string]any

// resources are what is rendered, and beside it what a cluster has: a Gateway, Services, and a second
// route behind authentication.
func resources(t *testing.T, form gateway.Form, app, processor string, timeout time.Duration) []document {
	t.Helper()
	var out []document
	add := func(text []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parse(t, text) {
			if d.key() != "EnvoyProxy/corsgate" && d.key() != "ClientTrafficPolicy/corsgate" || !has(out, d.key()) {
				out = append(out, d)
			}
		}
	}
	o := gateway.DefaultOptions(form)
	o.MessageTimeout = timeout
	o.Route.Hosts = nil
	if form == gateway.Patch {
		o.Processor.Addresses = []string{processor}
		add(gateway.Render(o))
		add(os.ReadFile(testdata("routes.yaml")))
	} else {
		add(gateway.Render(o))
		o.Route.Name, o.Route.Hosts = "guarded", []string{guarded}
		add(gateway.Render(o))
	}
	add(os.ReadFile(testdata("cluster.yaml")))
	for _, d := range out {
		switch d.key() {
		case "Service/shop":
			d.reach(t, app)
		case "Service/corsgate":
			d.reach(t, processor)
		}
	}
	if !has(out, "EnvoyProxy/corsgate") {
		out = append(out, document{
			"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy",
			"metadata": map[string]any{"namespace": "default", "name": "corsgate"}, "spec": map[string]any{},
		})
	}
	for _, d := range out {
		if d.key() == "EnvoyProxy/corsgate" {
			// Services are reached by their own address: files have no endpoints.
			d["spec"].(map[string]any)["routingType"] = "Service"
		}
	}
	return out
}

func testdata(name string) string {
	return filepath.Join(harness.RepoRoot(), "deploy", "envoy-gateway", "testdata", name)
}

func parse(t *testing.T, text []byte) []document {
	t.Helper()
	var out []document
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var d map[string]any
		switch err := dec.Decode(&d); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			t.Fatal(err)
		}
		out = append(out, d)
	}
}

// stream is the documents as YAML.
func stream(t *testing.T, list []document) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, d := range list {
		if err := enc.Encode(map[string]any(d)); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// key is KIND/NAME; what names the same in two namespaces is not tested here.
func (d document) key() string {
	return d["kind"].(string) + "/" + d["metadata"].(map[string]any)["name"].(string)
}

func has(list []document, key string) bool {
	for _, d := range list {
		if d.key() == key {
			return true
		}
	}
	return false
}

// reach has a Service lead to an address, by all who name its port.
func (d document) reach(t *testing.T, address string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	spec := d["spec"].(map[string]any)
	spec["clusterIP"] = host
	first := spec["ports"].([]any)[0].(map[string]any)
	first["port"], first["targetPort"] = n, n
}

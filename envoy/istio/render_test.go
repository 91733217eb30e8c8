package istio_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/istio"
)

// goldens are the options whose objects are kept in deploy/istio; tools/generate.sh has the same as flags,
// and make generate writes the files.
func goldens() map[string]istio.Options {
	ingress := istio.DefaultOptions(envoy.Metadata)
	ingress.Workload = map[string]string{"istio": "ingressgateway"}
	a := ingress
	a.Design = envoy.TwoCallbacks
	api := istio.DefaultOptions(envoy.Metadata)
	api.Namespace, api.Gateways = "edge", []string{"public"}
	sidecar := istio.DefaultOptions(envoy.Metadata)
	sidecar.Namespace, sidecar.Place, sidecar.Workload = "shop", istio.Sidecar, map[string]string{"app": "shop"}
	sidecar.Service.Mesh, sidecar.Service.Selector = true, map[string]string{"app.kubernetes.io/name": "corsgate"}
	return map[string]istio.Options{"gateway": ingress, "gateway-a": a, "gateway-api": api, "sidecar": sidecar}
}

func TestRenderGolden(t *testing.T) {
	for name, o := range goldens() {
		got, err := istio.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "deploy", "istio", name+".yaml")
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v (make generate writes it)", err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestOptionProblems(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*istio.Options)
		want []string
	}{
		"none":             {func(*istio.Options) {}, nil},
		"no proxies":       {func(o *istio.Options) { o.Workload = nil }, []string{"Workload"}},
		"both":             {func(o *istio.Options) { o.Gateways = []string{"public"} }, []string{"Workload"}},
		"sidecars by name": {func(o *istio.Options) { o.Place, o.Workload, o.Gateways = istio.Sidecar, nil, []string{"public"} }, []string{"Gateways", "Workload"}},
		"no sidecars":      {func(o *istio.Options) { o.Place, o.Workload = istio.Sidecar, nil }, []string{"Workload"}},
		"place":            {func(o *istio.Options) { o.Place = "ztunnel" }, []string{"Place"}},
		"design":           {func(o *istio.Options) { o.Design = envoy.ResponseOnly }, []string{"Design"}},
		"mesh":             {func(o *istio.Options) { o.Service.Mesh = true }, []string{"Service.Selector"}},
		"names": {func(o *istio.Options) {
			o.Name, o.Namespace, o.Service.Name, o.Service.Namespace, o.Service.Domain = "A", "a.b", "a|b", "", "x y"
		}, []string{"Name", "Namespace", "Service.Name", "Service.Namespace", "Service.Domain"}},
		"label":   {func(o *istio.Options) { o.Workload = map[string]string{"a b": "c"} }, []string{"Workload"}},
		"value":   {func(o *istio.Options) { o.Workload = map[string]string{"a": "{"} }, []string{"Workload"}},
		"port":    {func(o *istio.Options) { o.Service.Port = 70000 }, []string{"Service.Port"}},
		"gateway": {func(o *istio.Options) { o.Workload, o.Gateways = nil, []string{"ok", "Not"} }, []string{"Gateways[1]"}},
		"timeout": {func(o *istio.Options) { o.MessageTimeout = time.Minute }, []string{"MessageTimeout"}},
	} {
		o := istio.DefaultOptions(envoy.Metadata)
		o.Workload = map[string]string{"istio": "ingressgateway"}
		c.edit(&o)
		_, err := istio.Render(o)
		if diff := cmp.Diff(c.want, options(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// options are the names of those that err complains of.
func options(err error) []string {
	var out []string
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			out = append(out, options(one)...)
		}
		return out
	}
	if bad, ok := errors.AsType[*envoy.OptionError](err); ok {
		out = append(out, bad.Option)
	}
	return out
}

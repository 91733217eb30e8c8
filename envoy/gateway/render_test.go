package gateway_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
)

// The defaults are the files that are installed; make generate writes them.
func TestDefaultsAreTheExamples(t *testing.T) {
	t.Parallel()
	for _, form := range []gateway.Form{gateway.Policies, gateway.Patch} {
		want, err := os.ReadFile("../../deploy/envoy-gateway/" + string(form) + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		got, err := gateway.Render(gateway.DefaultOptions(form))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-file +rendered; make generate writes it):\n%s", form, diff)
		}
	}
}

// Every design can be patched in, and what removes headers is put in before what asks.
func TestPatchOrder(t *testing.T) {
	t.Parallel()
	for _, d := range []envoy.Design{envoy.TwoCallbacks, envoy.ResponseOnly, envoy.Metadata} {
		o := gateway.DefaultOptions(gateway.Patch)
		o.Design, o.Listeners = d, []string{"http", "https"}
		text, err := gateway.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("name: default/eg/https\n")); n != strings.Count(string(text), "name: default/eg/http\n") || n == 0 {
			t.Errorf("design %s: %d patches of the second listener", d, n)
		}
		apply, decide := bytes.Index(text, []byte("name: "+envoy.FilterApply+"\n")), bytes.Index(text, []byte("name: "+envoy.FilterDecide+"\n"))
		if decide < 0 || d == envoy.Metadata && (apply < 0 || apply > decide) {
			t.Errorf("design %s: %s at %d, %s at %d", d, envoy.FilterApply, apply, envoy.FilterDecide, decide)
		}
	}
}

// All mistakes are told at once, each with its option.
func TestMistakes(t *testing.T) {
	t.Parallel()
	policies := gateway.DefaultOptions(gateway.Policies)
	policies.Design, policies.FailOpen = envoy.TwoCallbacks, true
	policies.Gateway.Name, policies.Listeners = "E G", []string{"x y"}
	policies.MessageTimeout = 1500 * time.Microsecond
	policies.Route.Hosts, policies.Route.Backend, policies.Route.BackendPort = []string{"Shop:80"}, "", 0
	policies.Processor.Addresses, policies.Processor.TLS = []string{"h:1"}, &envoy.TLS{CA: "/ca"}
	policies.Processor.SAN, policies.Processor.Port = "corsgate", 70000
	patch := gateway.DefaultOptions(gateway.Patch)
	patch.Listeners, patch.Processor.CAConfigMap = nil, "ca"
	patch.Processor.Addresses, patch.Processor.TLS = []string{"nowhere"}, &envoy.TLS{}
	patch.MessageTimeout = 0
	other := gateway.DefaultOptions("x")
	for name, test := range map[string]struct {
		options gateway.Options
		want    []string
	}{
		"policies": {policies, []string{
			"Gateway.Name", "Listeners[0]", "MessageTimeout", "Processor.Port", "Design", "FailOpen", "Route.Hosts[0]", "Route.Backend",
			"Route.BackendPort", "Processor.Addresses", "Processor.TLS", "Processor.CAConfigMap",
		}},
		"patch": {patch, []string{"Listeners", "Processor.CAConfigMap", "Processors[0]", "ProcessorTLS.CA", "ProcessorTLS.SAN", "MessageTimeout"}},
		"form":  {other, []string{"Form"}},
	} {
		_, err := gateway.Render(test.options)
		if diff := cmp.Diff(test.want, options(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// options are those that the errors name.
func options(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []string
		for _, one := range many.Unwrap() {
			out = append(out, options(one)...)
		}
		return out
	}
	if bad, ok := errors.AsType[*envoy.OptionError](err); ok {
		return []string{bad.Option}
	}
	return []string{"no option: " + err.Error()}
}

package helm_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/gateway"
	"github.com/corsgate/corsgate/envoy/istio"
)

// What the renderers write with the same values is in the goldens, every field of it, and nothing else.
func TestAttachmentsAreTheRenderers(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{}
	for name, o := range gateways() {
		text, err := gateway.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = text
	}
	for name, o := range meshes() {
		text, err := istio.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = text
	}
	found := 0
	for _, r := range goldens(t) {
		got := map[string]any{}
		for _, o := range r.objects {
			if version, _ := o.all["apiVersion"].(string); strings.Contains(version, "istio.io/") || strings.Contains(version, "gateway") {
				got[o.kind+" "+o.name] = o.all
			}
		}
		if len(got) > 0 {
			found++
		}
		attachment := map[string]any{}
		for _, o := range parse(t, want[r.name]) {
			if o.kind != "Service" { // the chart has its own
				attachment[o.kind+" "+o.name] = o.all
			}
		}
		if diff := cmp.Diff(attachment, got); diff != "" {
			t.Errorf("%s is not what the renderer writes: run make generate, then make test-helm UPDATE=1 (-renderer +golden):\n%s", r.name, diff)
		}
	}
	if found != len(want) {
		t.Errorf("%d goldens have attachments, want %d", found, len(want))
	}
}

// gateways are the values of the goldens for Envoy Gateway.
func gateways() map[string]gateway.Options {
	service := gateway.Object{Namespace: "edge", Name: "cors-corsgate"}
	policies := gateway.DefaultOptions(gateway.Policies)
	policies.Gateway, policies.Listeners = gateway.Object{Namespace: "infra", Name: "public"}, []string{"https"}
	policies.Route.Object = gateway.Object{Namespace: "shop", Name: "api"}
	policies.Route.Hosts = []string{"api.shop.example", "*.shop.example"}
	policies.Route.Backend, policies.Route.BackendPort = "api", 8080
	policies.Processor.Service = service
	policies.Processor.CAConfigMap, policies.Processor.SAN = "internal-ca", "cors-corsgate.edge.svc.cluster.local"

	patch := gateway.DefaultOptions(gateway.Patch)
	patch.Gateway, patch.Listeners, patch.Processor.Service = policies.Gateway, policies.Listeners, service
	patch.Processor.TLS = &envoy.TLS{CA: "/etc/corsgate-ca/ca.crt", SAN: policies.Processor.SAN}
	return map[string]gateway.Options{"envoy-gateway": policies, "envoy-gateway-patch": patch}
}

// meshes are the values of the goldens for Istio.
func meshes() map[string]istio.Options {
	mesh := istio.DefaultOptions(envoy.Metadata)
	mesh.Name, mesh.Namespace, mesh.Workload = "cors-corsgate", "istio-system", map[string]string{"istio": "ingressgateway"}
	mesh.Service.Namespace, mesh.Service.Name, mesh.Service.Mesh = "edge", "cors-corsgate", true
	mesh.Service.Selector = map[string]string{
		"app.kubernetes.io/name": "corsgate", "app.kubernetes.io/instance": "cors", "app.kubernetes.io/component": "server",
	}
	plain := istio.DefaultOptions(envoy.Metadata)
	plain.Name, plain.Namespace, plain.Gateways = mesh.Name, "edge", []string{"public"}
	plain.Service.Namespace, plain.Service.Name = "edge", "cors-corsgate"
	plain.Workload = nil
	return map[string]istio.Options{"istio": mesh, "istio-gateway-api": plain}
}

// What Istio and Envoy Gateway are told of the Service is there: its port, what speaks gRPC, and who may come.
func TestAttachmentsFindTheService(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		if _, ok := gateways()[r.name]; !ok {
			if _, ok := meshes()[r.name]; !ok {
				continue
			}
		}
		var service struct {
			Spec struct {
				ClusterIP string `yaml:"clusterIP"`
				Ports     []struct {
					Port        int
					AppProtocol string `yaml:"appProtocol"`
				}
			}
		}
		if o := r.one(t, "Service", &service); o.name != "cors-corsgate" || service.Spec.Ports[0].Port != 9002 || service.Spec.Ports[0].AppProtocol != "grpc" {
			t.Errorf("%s: Service %s with %+v", r.name, o.name, service.Spec.Ports)
		}
		if headless := service.Spec.ClusterIP == "None"; headless != (r.name == "envoy-gateway-patch") {
			t.Errorf("%s: headless %t", r.name, headless)
		}
	}
}

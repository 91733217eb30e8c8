package istio_test

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
)

// TestShadow is the first step of a roll-out: the corsPolicy stays in force while corsgate only watches.
func TestShadow(t *testing.T) {
	l := install(t, styles()[0], "a", tenantsFile(t, "mode: SHADOW"), rivalPolicy)
	before := l.streams(t)
	for origin, granted := range map[string]string{rival: rival, friend: ""} {
		if got := l.preflight(t, "/", origin); got.Status != 200 || got.Get("access-control-allow-origin") != granted {
			t.Errorf("a preflight of %s: %d %v, want Istio's own answer", origin, got.Status, got.CORS())
		}
	}
	if got := l.send(t, "GET", "/", [2]string{"origin", rival}); got.Get("access-control-allow-origin") != rival {
		t.Errorf("a request: %d %v, want Istio's own headers", got.Status, got.CORS())
	}
	if calls := l.streams(t) - before; calls != 3 {
		t.Errorf("%d calls, want 3: corsgate watches nothing", calls)
	}
}

// TestMesh looks at the cluster that Istio makes of --mesh; nobody gives out certificates here that could be
// used. A gateway speaks mutual TLS to the processors and to nobody without an identity of the mesh.
func TestMesh(t *testing.T) {
	objects := rendered(t, "--namespace", "edge", "--workload", "istio=edge", "--mesh", "--selector", "app=corsgate")
	// Istio reads Services from Kubernetes, and not with its own objects.
	var own []string
	for doc := range strings.SplitSeq(objects, "\n---\n") {
		if !strings.Contains(doc, "\nkind: Service\n") {
			own = append(own, doc)
		}
	}
	if len(own) != 3 {
		t.Fatalf("%d objects beside the Service, want 3", len(own))
	}
	n := names{Cors: "9002", Processor: "9002"}
	s := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{ConfigString: strings.Join(own, "\n---\n") + "\n---\n" + filled(t, services, n)})
	proxy := s.SetupProxy(&model.Proxy{
		Type: model.Router, ConfigNamespace: "edge", Labels: map[string]string{"istio": "edge"},
		Metadata: &model.NodeMetadata{Namespace: "edge", Labels: map[string]string{"istio": "edge"}},
	})
	var found *clusterv3.Cluster
	for _, c := range s.Clusters(proxy) {
		if c.GetName() == "outbound|9002||corsgate.corsgate.svc.cluster.local" {
			found = c
		}
	}
	if found.GetTransportSocket().GetName() != "envoy.transport_sockets.tls" {
		t.Errorf("transport socket %v", found.GetTransportSocket())
	}
	if len(found.GetHealthChecks()) != 1 {
		t.Errorf("health checks %v", found.GetHealthChecks())
	}
}

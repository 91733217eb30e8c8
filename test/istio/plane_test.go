package istio_test

import (
	"net"
	"testing"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
)

// startPlane runs Istio's xDS server with these objects and gives its host:port.
func startPlane(tb testing.TB, objects, kubernetes string) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	m := mesh.DefaultMeshConfig()
	// There is nobody to give out certificates.
	m.EnableAutoMtls.Value = false
	// What docs/istio.md asks for.
	m.PathNormalization = &meshconfig.MeshConfig_ProxyPathNormalization{Normalization: meshconfig.MeshConfig_ProxyPathNormalization_DECODE_AND_MERGE_SLASHES}
	xds.NewFakeDiscoveryServer(tb, xds.FakeOptions{
		ConfigString:           objects,
		KubernetesObjectString: kubernetes,
		MeshConfig:             m,
		ListenerBuilder:        func() (net.Listener, error) { return l, nil },
	})
	return l.Addr().String()
}

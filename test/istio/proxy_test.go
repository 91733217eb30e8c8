package istio_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/corsgate/corsgate/e2e/harness"
)

// bootstrap is what Istio's agent would write, as far as it matters here. The address of the node is
// that of no endpoint: Istio would take the proxy for that workload otherwise, and send it no listener.
const bootstrap = `
node:
  id: {{.Type}}~10.9.9.9~proxy.{{.Namespace}}~{{.Namespace}}.svc.cluster.local
  cluster: proxy.{{.Namespace}}
  metadata:
    NAMESPACE: {{.Namespace}}
    ISTIO_VERSION: 1.31.0
    CLUSTER_ID: Kubernetes
    INSTANCE_IPS: 10.9.9.9
    INTERCEPTION_MODE: NONE
    LABELS: { {{.Label}}: {{.Value}} }
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    set_node_on_first_message_only: true
    grpc_services: [{envoy_grpc: {cluster_name: xds-grpc}}]
  lds_config: {ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}
  cds_config: {ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}
static_resources:
  clusters:
    - name: xds-grpc
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
      load_assignment:
        cluster_name: xds-grpc
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: {{.XDSHost}}, port_value: {{.XDSPort}}}}}}]}]
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
`

// node is what a proxy says of itself.
type node struct {
	Type, Namespace, Label, Value string
	// Binary is the Envoy, that of [harness.EnvoyBinary] by default.
	Binary string
}

// proxy is a running Envoy that Istio configures.
type proxy struct {
	*harness.Admin
	// addr takes requests.
	addr string
}

// startProxy runs Envoy and waits until it has a listener on addr and sees the processor.
func startProxy(tb testing.TB, n node, plane, addr string) *proxy {
	tb.Helper()
	dir := tb.TempDir()
	host, port, _ := strings.Cut(plane, ":")
	var config bytes.Buffer
	err := template.Must(template.New("bootstrap").Parse(bootstrap)).Execute(&config, struct {
		node
		XDSHost, XDSPort string
	}{n, host, port})
	path, adminPath := filepath.Join(dir, "envoy.yaml"), filepath.Join(dir, "admin")
	if err == nil {
		err = os.WriteFile(path, config.Bytes(), 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	process := harness.StartProcess(tb, "envoy", exec.Command(cmp.Or(n.Binary, harness.EnvoyBinary(tb)),
		"--config-path", path, "--admin-address-path", adminPath, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"))
	p := &proxy{addr: addr}
	harness.Eventually(tb, "Envoy with a configuration of Istio's", func() error {
		text, err := os.ReadFile(adminPath)
		if err != nil || len(text) == 0 {
			return fmt.Errorf("no administration port yet: %w", err)
		}
		p.Admin = harness.AdminAt(strings.TrimSpace(string(text)))
		if !p.Ready(tb.Context()) {
			return fmt.Errorf("not ready\n%s", process.Log())
		}
		return p.listening(tb)
	})
	return p
}

func (p *proxy) listening(tb testing.TB) error {
	tb.Helper()
	healthy := uint64(0)
	for name, value := range p.Stats(tb, ".corsgate.svc.cluster.local") {
		if strings.HasSuffix(name, ".membership_healthy") {
			healthy += value
		}
	}
	if healthy == 0 {
		return fmt.Errorf("no processor is healthy: %v", p.Stats(tb, "lds."))
	}
	conn, err := harness.TryDial(p.addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// streams is how many calls of corsgate have been opened.
func (p *proxy) streams(tb testing.TB) uint64 {
	tb.Helper()
	sum := uint64(0)
	for name, value := range p.Stats(tb, ".streams_started") {
		if strings.Contains(name, "ext_proc.") {
			sum += value
		}
	}
	return sum
}

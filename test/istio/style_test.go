package istio_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"

	"github.com/corsgate/corsgate/e2e/harness"
)

// style is one way to configure Istio.
type style struct {
	name string
	// flags of corsgate render istio, beside those of [install].
	flags []string
	node  node
	// objects of Istio and of Kubernetes; templates of [names].
	objects, kubernetes string
}

// names are what the templates refer to.
type names struct {
	// Port is that of the listener, Cors of the processor's Service; the others are endpoints.
	Port, Cors, Processor, App string
	// Keys are those that tokens are checked with, in JSON.
	Keys string
	// Policy is a corsPolicy, or empty.
	Policy string
}

// services are the processor and the application, as istiod would find them in Kubernetes.
const services = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: corsgate, namespace: corsgate}
spec:
  hosts: [corsgate.corsgate.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: {{.Cors}}, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {grpc: {{.Processor}}}}]
`

const application = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: app, namespace: shop}
spec:
  hosts: [app.shop.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: {{.App}}}}]
`

// guards refuse what CORS has to be answered before: 403 for one path, 401 for a token that is none. The token has
// a header of its own, because vectors send an Authorization that is no token of this issuer.
const guards = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: denied, namespace: edge}
spec:
  SELECT
  action: DENY
  rules: [{to: [{operation: {paths: [/guarded/denied]}}]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: edge}
spec:
  SELECT
  jwtRules: [{issuer: "https://issuer.example", fromHeaders: [{name: x-token}], jwks: '{{.Keys}}'}]
`

func guarded(selector string) string {
	return string(bytes.ReplaceAll([]byte(guards), []byte("SELECT"), []byte(selector)))
}

func styles() []style {
	return []style{
		{
			name:  "gateway",
			flags: []string{"--namespace", "edge", "--workload", "istio=edge"},
			node:  node{Type: "router", Namespace: "edge", Label: "istio", Value: "edge"},
			objects: services + application + guarded("selector: {matchLabels: {istio: edge}}") + `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: edge}
spec:
  selector: {istio: edge}
  servers: [{port: {number: {{.Port}}, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app, namespace: edge}
spec:
  hosts: ["*"]
  gateways: [public]
  http: [{ {{.Policy}} route: [{destination: {host: app.shop.svc.cluster.local, port: {number: 8080}}}]}]
`,
		},
		{
			name:    "gateway API",
			flags:   []string{"--namespace", "edge", "--gateway", "public"},
			node:    node{Type: "router", Namespace: "edge", Label: "gateway.networking.k8s.io/gateway-name", Value: "public"},
			objects: services + application + guarded("targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public}]"),
			kubernetes: `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: edge}
spec:
  gatewayClassName: istio
  addresses: [{type: Hostname, value: public.edge.svc.cluster.local}]
  listeners: [{name: http, port: {{.Port}}, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: edge}
spec:
  parentRefs: [{name: public}]
  rules: [{backendRefs: [{group: networking.istio.io, kind: Hostname, name: app.shop.svc.cluster.local, port: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: public, namespace: edge}
spec:
  clusterIP: 10.9.9.1
  selector: {gateway.networking.k8s.io/gateway-name: public}
  ports: [{name: http, port: {{.Port}}, targetPort: {{.Port}}, protocol: TCP}]
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, namespace: edge, labels: {gateway.networking.k8s.io/gateway-name: public}}
status: {phase: Running, podIP: 10.9.9.9}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: public, namespace: edge, labels: {kubernetes.io/service-name: public}}
addressType: IPv4
ports: [{name: http, port: {{.Port}}, protocol: TCP}]
endpoints: [{addresses: [10.9.9.9]}]
`,
		},
		{
			name:  "sidecar",
			flags: []string{"--namespace", "edge", "--place", "sidecar", "--workload", "app=shop"},
			node:  node{Type: "sidecar", Namespace: "edge", Label: "app", Value: "shop"},
			objects: services + guarded("selector: {matchLabels: {app: shop}}") + `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: shop, namespace: edge}
spec:
  workloadSelector: {labels: {app: shop}}
  ingress:
  - port: {number: {{.Port}}, protocol: HTTP, name: http}
    bind: 127.0.0.1
    defaultEndpoint: 127.0.0.1:{{.App}}
  egress: [{hosts: ["corsgate/*"]}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: plain, namespace: edge}
spec: {mtls: {mode: DISABLE}}
`,
		},
	}
}

// everywhere are all styles in front of each Envoy that is supported.
func everywhere(tb testing.TB) []style {
	tb.Helper()
	var out []style
	for _, version := range harness.EnvoyVersions(tb) {
		for _, s := range styles() {
			s.name += " " + version.Name
			s.node.Binary = version.Binary
			out = append(out, s)
		}
	}
	return out
}

// lab is one style, installed, with an application and corsgate.
type lab struct {
	*proxy
	app       *harness.App
	processor *harness.Processor
}

// install runs everything. The tenants are a file or a directory.
func install(t *testing.T, s style, design, tenants, policy string) *lab {
	t.Helper()
	l := &lab{app: harness.StartApp(t), processor: harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants})}
	addr, cors := harness.FreeAddr(t), portOf(t, harness.FreeAddr(t))
	flags := append([]string{
		"--design", design, "--processor-service", "corsgate/corsgate:" + cors, "--message-timeout", harness.PatientTimeout.String(),
	}, s.flags...)
	n := names{
		Port: portOf(t, addr), Cors: cors, Processor: portOf(t, l.processor.Addr), App: portOf(t, l.app.Addr),
		Keys: signingKeys(t), Policy: policy,
	}
	objects := rendered(t, flags...) + "\n---\n" + filled(t, s.objects, n)
	plane := startPlane(t, objects, filled(t, s.kubernetes, n))
	l.proxy = startProxy(t, s.node, plane, addr)
	return l
}

// rendered is what the real command writes.
func rendered(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corsgate.yaml")
	cmd := exec.CommandContext(t.Context(), harness.CorsgateBinary(t), append([]string{"render", "istio", "--output", path}, flags...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func filled(t *testing.T, text string, n names) string {
	t.Helper()
	var out bytes.Buffer
	if err := template.Must(template.New("objects").Parse(text)).Execute(&out, n); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

package helm_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "render testdata again")

// A helm that was built from its module thinks that Kubernetes is 1.20.
const kubeVersion = "1.33.0"

// helm runs the program that CORSGATE_HELM names.
func helm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	program := os.Getenv("CORSGATE_HELM")
	if program == "" {
		if os.Getenv("CORSGATE_REQUIRE_HELM") != "" {
			t.Fatal("CORSGATE_HELM is not set, and CORSGATE_REQUIRE_HELM is")
		}
		t.Skip("CORSGATE_HELM is not set (make test-helm builds helm)")
	}
	cmd := exec.CommandContext(t.Context(), program, append(args, "--kube-version", kubeVersion)...)
	// Nothing of the user's, and no cluster.
	dir := t.TempDir()
	cmd.Env = []string{"HOME=" + dir, "KUBECONFIG=" + filepath.Join(dir, "none"), "PATH=" + os.Getenv("PATH")}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func template(t *testing.T, args ...string) (string, string, error) {
	t.Helper()
	return helm(t, append([]string{"template", "cors", chart, "--namespace", "edge"}, args...)...)
}

// What helm renders is in testdata.
func TestHelmRendersGoldens(t *testing.T) {
	paths, err := filepath.Glob("values/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		out, said, err := template(t, "--values", path)
		if err != nil || said != "" {
			t.Fatalf("%s: %v\n%s", path, err, said)
		}
		golden := filepath.Join("testdata", filepath.Base(path))
		if *update {
			if err := os.WriteFile(golden, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out); diff != "" {
			t.Errorf("%s is not what helm renders: run make test-helm UPDATE=1 (-want +got):\n%s", golden, diff)
		}
	}
	if *update {
		if err := os.WriteFile(sumFile, []byte(sources(t)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHelmLints(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("values/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if out, said, err := helm(t, "lint", "--strict", chart, "--values", path); err != nil {
			t.Errorf("%s: %v\n%s%s", path, err, out, said)
		}
	}
}

// A dashboard in a ConfigMap is the file, to the letter, with the label that Grafana's sidecar looks for.
func TestHelmRendersDashboards(t *testing.T) {
	t.Parallel()
	out, said, err := template(t, "--values", "values/minimal.yaml", "--set", "dashboards.enabled=true")
	if err != nil {
		t.Fatal(err, said)
	}
	got := map[string]string{}
	for _, o := range parse(t, []byte(out)) {
		var m struct {
			Metadata struct{ Labels map[string]string }
			Data     map[string]string
		}
		if o.kind != "ConfigMap" {
			continue
		}
		o.into(t, &m)
		for name, text := range m.Data {
			if m.Metadata.Labels["grafana_dashboard"] == "1" {
				got[name] = strings.TrimSpace(text)
			}
		}
	}
	want := map[string]string{}
	files, err := filepath.Glob("../monitoring/grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(file)] = strings.TrimSpace(string(text))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("dashboards (-files +rendered):\n%s", diff)
	}
}

// Values that would not do what they seem to are refused, and the message says what and where.
func TestHelmRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, base, set, want string }{
		{"no image", "", "tls.insecure=true", "image.repository is empty"},
		{"no tenants", "", "image.repository=a", "the tenants are exactly one of redis.url, tenants.documents, tenants.existingConfigMap: none is set"},
		{"two sources of tenants", "minimal", "redis.url=redis://a", "redis.url and tenants.documents are set"},
		{"nothing secures the port", "minimal", "tls.insecure=false", "the gRPC port is secured by exactly one of tls.certManager.enabled, tls.existingSecret, tls.insecure: none is set"},
		{"plain text beside a certificate", "minimal", "tls.existingSecret=a", "tls.existingSecret and tls.insecure are set"},
		{"no issuer", "redis", "tls.existingSecret=,tls.certManager.enabled=true", "tls.certManager.issuerRef.name is empty"},
		{"names of clients without an authority", "redis", "tls.clients.ca.secret=", "tls.clients.sans is set, but not tls.clients.ca"},
		{"clients' certificates in plain text", "minimal", "tls.clients.ca.secret=a", "certificates of clients need a certificate of the server"},
		{"an authority in two places", "redis", "tls.clients.ca.configMap=b", "a CA is in the Secret envoy-ca and in the ConfigMap b"},
		{"a password in the URL", "everything", "redis.url=redis://u:p@redis", "redis.url has a login"},
		{"a user without a password", "redis", "redis.passwordSecret.name=", "redis.username is set, but not redis.passwordSecret.name"},
		{"an authority without TLS", "redis", "redis.url=redis://a", "redis.tls is set, but the connection has no TLS"},
		{"Sentinels' login without Sentinels", "redis", "redis.sentinelMaster=", "a login for Sentinels is set, but not redis.sentinelMaster"},
		{"a cluster of Sentinels", "redis", "redis.cluster=true", "either nodes of a cluster or Sentinels"},
		{"half a login for usage", "redis", "redis.recordUsage.username=", "username and passwordSecret.name belong together"},
		{"a setting for Redis without it", "minimal", "settings.lazy=true", "settings.lazy counts only with redis.url"},
		{"a baseline without Redis", "minimal", "redis.baseline.existingConfigMap=a", "count only with redis.url"},
		{"two baselines", "redis", "redis.baseline.existingConfigMap=a", "redis.baseline has documents and an existingConfigMap"},
		{"fewer than none", "everything", "autoscaling.maxReplicas=2", "autoscaling.minReplicas is greater"},
		{"a policy for nobody", "minimal", "networkPolicy.enabled=true", "networkPolicy.envoy is empty"},
		{"a policy without Redis", "everything", "networkPolicy.redis.peers=null", "networkPolicy.redis.peers is empty"},
		{"a policy without the collector", "everything", "networkPolicy.otlp.peers=null", "networkPolicy.otlp.peers is empty"},
		{"a probe that asks nothing", "minimal", "probe.enabled=true", "probe.suite.targets is empty"},
		{"rules that are not there", "everything", "prometheusRule.without={alerts}", "there is no file alerts.yaml"},
		{"policies for no Gateway", "envoy-gateway", "attach.envoyGateway.gateway.listener=", "attach.envoyGateway.gateway needs namespace, name and listener"},
		{"policies for no route", "envoy-gateway", "attach.envoyGateway.route.hosts=null", "needs route.namespace, route.name, route.hosts"},
		{"a patch without DNS of the pods", "envoy-gateway-patch", "service.headless=false", "set service.headless"},
		{"policies that know no authority", "envoy-gateway", "attach.envoyGateway.caConfigMap=", "attach.envoyGateway.caConfigMap is empty"},
		{"a patch that knows no authority", "envoy-gateway-patch", "attach.envoyGateway.caFile=", "attach.envoyGateway.caFile is empty"},
		{"an authority for plain text", "envoy-gateway-patch", "tls.existingSecret=,tls.insecure=true", "tls.insecure says plain text"},
		{"policies without a client's certificate", "envoy-gateway", "tls.clients.ca.secret=a", "presents no certificate of a client"},
		{"another form", "envoy-gateway", "attach.envoyGateway.form=b", "value must be one of 'policies', 'patch'"},
		{"no namespace of proxies", "istio", "attach.istio.namespace=", "attach.istio.namespace is empty"},
		{"two kinds of proxies", "istio", "attach.istio.gateway=public", "set exactly one of the two"},
		{"no proxies", "istio-gateway-api", "attach.istio.gateway=", "set exactly one of the two"},
		{"sidecars of a Gateway", "istio-gateway-api", "attach.istio.place=sidecar", "sidecars are no gateways"},
		{"TLS of ours in a mesh", "istio", "tls.insecure=false,tls.existingSecret=a", "attach.istio: proxies speak the mesh's mutual TLS"},
		{"a headless Service in a mesh", "istio", "service.headless=true", "remove service.headless"},
		{"an unknown name", "minimal", "replicaCount=3", "additional properties 'replicaCount' not allowed"},
		{"an unknown setting", "minimal", "settings.max_stream=3", "at '/settings': additional properties 'max_stream' not allowed"},
		{"a setting of another kind", "minimal", "settings.unknown_tenant=open", "value must be one of 'refuse', 'strip', 'forward'"},
		{"a file that is no document", "minimal", "tenants.documents.acme=a", "at '/tenants/documents': additional properties 'acme' not allowed"},
		{"too little time to stop", "minimal", "drain.marginSeconds=1", "at '/drain/marginSeconds': minimum: got 1, want 5"},
		{"another kind of URL", "everything", "redis.url=http://redis", "at '/redis/url'"},
		{"a list of names for a number", "minimal", "replicas=two", "at '/replicas': got string, want integer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"--set", c.set}
			if c.base != "" {
				args = append(args, "--values", "values/"+c.base+".yaml")
			}
			if out, said, err := template(t, args...); err == nil || !strings.Contains(said, c.want) {
				t.Errorf("%v, %d bytes, %s\nwant %s", err, len(out), said, c.want)
			}
		})
	}
}

// Every attachment that values can ask for has all of its words replaced; the template refuses others.
func TestHelmAttaches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, set, want string }{
		{"envoy-gateway", "tls.certManager.enabled=false,tls.insecure=true,attach.envoyGateway.caConfigMap=", "kind: EnvoyExtensionPolicy"},
		{"envoy-gateway-patch", "tls.existingSecret=,tls.insecure=true,attach.envoyGateway.caFile=", "kind: EnvoyPatchPolicy"},
		{"istio", "attach.istio.place=sidecar", "context: SIDECAR_INBOUND"},
		{"istio", "attach.istio.mesh=false", "mode: DISABLE"},
		{"istio-gateway-api", "attach.istio.mesh=true", "mode: STRICT"},
		{"istio-gateway-api", "attach.istio.clusterDomain=k8s.internal", "||cors-corsgate.edge.svc.k8s.internal"},
	} {
		out, said, err := template(t, "--values", "values/"+c.base+".yaml", "--set", c.set)
		if err != nil || !strings.Contains(out, c.want) || strings.Contains(out, "value-of") {
			t.Errorf("%s with %s: %v %s\nwant %s in\n%s", c.base, c.set, err, said, c.want, out)
		}
		parse(t, []byte(out))
	}
}

// One replica has no budget for disruptions, which would keep its node from being drained, and nobody need spread it.
func TestHelmRendersOneReplica(t *testing.T) {
	t.Parallel()
	out, said, err := template(t, "--values", "values/minimal.yaml", "--set", "replicas=1,topologySpread.topologyKeys=null")
	if err != nil {
		t.Fatal(err, said)
	}
	if strings.Contains(out, "PodDisruptionBudget") || strings.Contains(out, "topologySpreadConstraints") || !strings.Contains(out, "replicas: 1\n") {
		t.Errorf("one replica:\n%s", out)
	}
}

// Every pair of names that go into each other stays short enough, and a release may be called as the chart.
func TestHelmNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long-", 10) + "end"
	for release, want := range map[string]string{"corsgate": "corsgate", "a": "a-corsgate", long: "long-long-long-long-long-long-long-long"} {
		out, said, err := helm(t, "template", release, chart, "--values", "values/everything.yaml")
		if err != nil {
			t.Fatal(err, said)
		}
		r := rendered{release, parse(t, []byte(out))}
		var d deployment
		if o := r.one(t, "Deployment", &d); o.name != want {
			t.Errorf("release %s: a Deployment %s, want %s", release, o.name, want)
		}
		for _, o := range r.objects {
			if o.kind == "CronJob" && len(o.name) > 52 || len(o.name) > 63 {
				t.Errorf("release %s: %s %s is too long", release, o.kind, o.name)
			}
		}
	}
}

package helm_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// No pod can do more than it must.
func TestPodsHaveNoRights(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		c, p := r.server(t)
		noRights(t, r.name+" server", c, p)
		if c, p, ok := r.probe(t); ok {
			noRights(t, r.name+" probe", c, p)
		}
	}
}

func noRights(t *testing.T, name string, c container, p pod) {
	t.Helper()
	wantPod := map[string]any{
		"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
	if diff := cmp.Diff(wantPod, p.Spec.SecurityContext); diff != "" {
		t.Errorf("%s: pod (-want +got):\n%s", name, diff)
	}
	want := map[string]any{
		"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
		"capabilities": map[string]any{"drop": []any{"ALL"}},
	}
	if diff := cmp.Diff(want, c.SecurityContext); diff != "" {
		t.Errorf("%s: container (-want +got):\n%s", name, diff)
	}
	if token := p.Spec.AutomountServiceAccountToken; token == nil || *token {
		t.Errorf("%s: the token of the account is mounted", name)
	}
	if links := p.Spec.EnableServiceLinks; links == nil || *links {
		t.Errorf("%s: variables of other services are given", name)
	}
	if c.Resources.Requests["memory"] == "" || c.Resources.Requests["memory"] != c.Resources.Limits["memory"] || c.Resources.Requests["cpu"] == "" {
		t.Errorf("%s: resources %v", name, c.Resources)
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly && m.Name != "state" {
			t.Errorf("%s: %s can be written", name, m.MountPath)
		}
	}
	for _, v := range c.Env {
		if v.Name == "GOMEMLIMIT" {
			t.Errorf("%s: GOMEMLIMIT is set, which the program does by itself", name)
		}
	}
}

// Whatever selects the server's pods selects them, and the probe's never.
func TestSelectorsSelect(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		_, server := r.server(t)
		var d deployment
		r.one(t, "Deployment", &d)
		selectors := map[string]map[string]string{"Deployment": d.Spec.Selector.MatchLabels}
		for _, spread := range server.Spec.TopologySpread {
			selectors["spread by "+spread.TopologyKey] = spread.LabelSelector.MatchLabels
		}
		var service struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct{ Selector map[string]string }
		}
		r.one(t, "Service", &service)
		selectors["Service"] = service.Spec.Selector
		for _, o := range append(r.all("PodDisruptionBudget"), r.all("NetworkPolicy")...) {
			var s struct {
				Spec struct {
					Selector struct {
						MatchLabels map[string]string `yaml:"matchLabels"`
					}
					PodSelector struct {
						MatchLabels map[string]string `yaml:"matchLabels"`
					} `yaml:"podSelector"`
				}
			}
			o.into(t, &s)
			selectors[o.kind] = s.Spec.Selector.MatchLabels
			if o.kind == "NetworkPolicy" {
				selectors[o.kind] = s.Spec.PodSelector.MatchLabels
			}
		}
		if len(r.all("ServiceMonitor")) > 0 && !slices.ContainsFunc(r.all("ServiceMonitor"), func(o object) bool {
			var m deployment
			o.into(t, &m)
			return selects(m.Spec.Selector.MatchLabels, service.Metadata.Labels)
		}) {
			t.Errorf("%s: the ServiceMonitor does not select the Service", r.name)
		}
		if len(selectors) < 5 {
			t.Errorf("%s: only %v", r.name, slices.Sorted(maps.Keys(selectors)))
		}
		_, probe, probed := r.probe(t)
		for name, selector := range selectors {
			if len(selector) < 3 || !selects(selector, server.Metadata.Labels) {
				t.Errorf("%s: %s selects %v, and pods have %v", r.name, name, selector, server.Metadata.Labels)
			}
			if probed && selects(selector, probe.Metadata.Labels) {
				t.Errorf("%s: %s selects the probe", r.name, name)
			}
		}
	}
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// All ports go by names of the container: those of the Service, the policy, the monitor and the kubelet's probes.
func TestPortsAgree(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		c, _ := r.server(t)
		numbers := map[string]int{}
		for _, p := range c.Ports {
			numbers[p.Name] = p.ContainerPort
		}
		var service struct {
			Spec struct {
				Ports []struct {
					Name        string
					Port        int
					TargetPort  string `yaml:"targetPort"`
					AppProtocol string `yaml:"appProtocol"`
				}
			}
		}
		r.one(t, "Service", &service)
		offered := map[string]int{}
		for _, p := range service.Spec.Ports {
			offered[p.Name] = p.Port
			if p.TargetPort != p.Name || p.AppProtocol == "" {
				t.Errorf("%s: Service port %+v", r.name, p)
			}
		}
		if diff := cmp.Diff(numbers, offered); diff != "" {
			t.Errorf("%s: ports (-container +service):\n%s", r.name, diff)
		}
		for _, probe := range []check{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if probe.HTTPGet != nil && probe.HTTPGet.Port != "admin" || probe.GRPC != nil && probe.GRPC.Port != numbers["grpc"] {
				t.Errorf("%s: the kubelet asks %+v", r.name, probe)
			}
		}
		for _, o := range r.all("ServiceMonitor") {
			if endpoints := o.monitored(t); len(endpoints) != 1 || endpoints[0].Port != "admin" {
				t.Errorf("%s: Prometheus scrapes %+v", r.name, endpoints)
			}
		}
		for _, o := range r.all("NetworkPolicy") {
			policyPorts(t, r.name, o, numbers)
		}
	}
}

// endpoint is what a ServiceMonitor has scraped.
type endpoint struct{ Port, Path string }

// monitored are the endpoints of a ServiceMonitor.
func (o object) monitored(t *testing.T) []endpoint {
	t.Helper()
	var m struct {
		Spec struct{ Endpoints []endpoint }
	}
	o.into(t, &m)
	return m.Spec.Endpoints
}

// policyPorts: Envoy comes to all ports but admin, and nobody comes from everywhere.
func policyPorts(t *testing.T, name string, o object, numbers map[string]int) {
	t.Helper()
	var policy struct {
		Spec struct {
			Ingress []struct {
				From  []any
				Ports []struct{ Port string }
			}
			Egress []struct {
				To    []any
				Ports []struct{ Port int }
			}
		}
	}
	o.into(t, &policy)
	var open []string
	for i, rule := range policy.Spec.Ingress {
		if len(rule.From) == 0 || len(rule.Ports) == 0 {
			t.Errorf("%s: everybody may come: %+v", name, rule)
		}
		for _, p := range rule.Ports {
			if numbers[p.Port] == 0 {
				t.Errorf("%s: there is no port %s", name, p.Port)
			}
			if i == 0 {
				open = append(open, p.Port)
			}
		}
	}
	want := slices.Sorted(maps.Keys(numbers))
	want = slices.DeleteFunc(want, func(port string) bool { return port == "admin" })
	if slices.Sort(open); !slices.Equal(open, want) {
		t.Errorf("%s: Envoy may come to %q, want %q", name, open, want)
	}
	for _, rule := range policy.Spec.Egress {
		if len(rule.To) == 0 || len(rule.Ports) == 0 {
			t.Errorf("%s: it may go everywhere: %+v", name, rule)
		}
	}
}

// An upgrade takes no pod away before there is a new one; there is a budget for two replicas or more, and no fixed number where a scaler decides.
func TestReplicas(t *testing.T) {
	t.Parallel()
	for _, r := range goldens(t) {
		var d deployment
		r.one(t, "Deployment", &d)
		if m := d.Spec.Strategy.RollingUpdate.MaxUnavailable; m == nil || *m != 0 {
			t.Errorf("%s: an upgrade may take pods away", r.name)
		}
		scaled := len(r.all("HorizontalPodAutoscaler")) > 0
		if scaled == (d.Spec.Replicas != nil) {
			t.Errorf("%s: scaled %t, and replicas %v", r.name, scaled, d.Spec.Replicas)
		}
		if len(r.all("PodDisruptionBudget")) != 1 {
			t.Errorf("%s: no budget for disruptions", r.name)
		}
	}
}

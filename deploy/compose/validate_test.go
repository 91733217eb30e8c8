package compose_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

// official reads text as docker compose does, with its own library: against the schema of the specification, with variables put in
// and references followed.
func official(ctx context.Context, text, profile string) (*types.Project, error) {
	details := types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yaml"), Content: []byte(text)}},
		Environment: types.Mapping{},
	}
	options := []func(*loader.Options){func(o *loader.Options) { o.SetProjectName("corsgate", true) }}
	if profile != "" {
		details.Environment["COMPOSE_PROFILES"] = profile
		options = append(options, loader.WithProfiles([]string{profile}))
	}
	return loader.LoadWithContext(ctx, details, options...)
}

func composeText(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Compose takes the file, and reads in it what these tests read.
func TestCompose(t *testing.T) {
	t.Parallel()
	ours := load(t)
	plain := []string{"app", "corsgate", "envoy", "redis", "seed"}
	for profile, want := range map[string][]string{"": plain, monitoring: slices.Sorted(maps.Keys(ours.Services))} {
		p, err := official(t.Context(), composeText(t), profile)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(p.Services))); diff != "" {
			t.Errorf("services with profile %q (-want +got):\n%s", profile, diff)
		}
		for name, s := range p.Services {
			if diff := cmp.Diff(expanded(ours.Services[name].Command, profile), []string(s.Command)); diff != "" && len(s.Command) > 0 {
				t.Errorf("the command of %s with profile %q (-here +compose):\n%s", name, profile, diff)
			}
			for _, v := range s.Volumes {
				if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
					t.Errorf("service %s with profile %q mounts what is not there: %v", name, profile, err)
				}
			}
		}
	}
}

// Who is waited for is there, and says how it is where that is waited for.
func TestDependencies(t *testing.T) {
	t.Parallel()
	p, err := official(t.Context(), composeText(t), monitoring)
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	edges := 0
	for name, s := range p.Services {
		for other, d := range s.DependsOn {
			edges++
			health := p.Services[other].HealthCheck
			says := health != nil && len(health.Test) > 0 && !health.Disable ||
				health == nil && p.Services[other].Build != nil && strings.Contains(string(image), "\nHEALTHCHECK ")
			if d.Condition == types.ServiceConditionHealthy && !says {
				t.Errorf("%s waits until %s is healthy, which has no health command", name, other)
			}
			if ends := p.Services[other].Restart == types.RestartPolicyNo; ends != (d.Condition == types.ServiceConditionCompletedSuccessfully) {
				t.Errorf("%s waits for %s to be %s, and it ends by itself: %t", name, other, d.Condition, ends)
			}
		}
	}
	if edges != 4 { // Prometheus needs Envoy, whose network it shares, and compose knows
		t.Errorf("%d services are waited for", edges)
	}
}

// What compose would refuse is refused here: an unknown member, a service, a volume and a secret that are not there.
func TestComposeRefusesMistakes(t *testing.T) {
	t.Parallel()
	text := composeText(t)
	for right, wrong := range map[string]string{
		"read_only: true":                              "readonly: true",
		"app: {condition: service_started}":            "apps: {condition: service_started}",
		"- redis:/data":                                "- rediss:/data",
		"secrets: [redis-writer]":                      "secrets: [redis-scribe]",
		"corsgate: {condition: service_healthy}":       "corsgate: {condition: service_well}",
		"network_mode: service:envoy":                  "network_mode: service:nobody",
		"restart: \"no\"\n    healthcheck: {disable":   "restart: \"no\"\n    healthcheck: {disabled",
		"redis-reader: {file: ./deploy/compose/redis/": "redis-reader: {path: ./deploy/compose/redis/",
	} {
		if !strings.Contains(text, right) {
			t.Errorf("docker-compose.yaml has no %q any more", right)
		}
		if _, err := official(t.Context(), strings.ReplaceAll(text, right, wrong), monitoring); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

package helm_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/config"
)

// kubernetes are the oldest version that Chart.yaml permits, and the newest with schemas.
func kubernetes() []string { return []string{"1.27.0", "1.37.0"} }

// custom are kinds that Kubernetes itself does not have.
func custom() []string {
	return []string{
		"Certificate", "PrometheusRule", "ServiceMonitor", "EnvoyFilter", "DestinationRule", "PeerAuthentication",
		"EnvoyExtensionPolicy", "EnvoyPatchPolicy", "EnvoyProxy", "ClientTrafficPolicy", "HTTPRoute", "BackendTLSPolicy", "ReferenceGrant",
	}
}

// schemas is where the schemas of a version of Kubernetes are, of which objects may have no field more.
func schemas(t *testing.T, version string) string {
	t.Helper()
	pattern := filepath.Join(harness.RepoRoot(), ".tools/venv/lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema/v"+version+"-local-strict")
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 1 {
		return found[0]
	}
	if os.Getenv("CORSGATE_REQUIRE_KUBERNETES") != "" {
		t.Fatalf("no schemas of Kubernetes %s, and CORSGATE_REQUIRE_KUBERNETES is set", version)
	}
	t.Skipf("no schemas of Kubernetes %s (make tools fetches them)", version)
	return ""
}

// validator holds objects against the schemas of one version.
type validator struct {
	dir         string
	definitions any
	compiled    map[string]*gojsonschema.Schema
}

func newValidator(t *testing.T, version string) *validator {
	t.Helper()
	v := &validator{dir: schemas(t, version), compiled: map[string]*gojsonschema.Schema{}}
	text, err := os.ReadFile(filepath.Join(v.dir, "_definitions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	v.definitions = all["$defs"]
	return v
}

// schema is that of a kind: the definitions of all are put into it, since it refers to them by an address that nobody serves.
func (v *validator) schema(t *testing.T, kind, apiVersion string) *gojsonschema.Schema {
	t.Helper()
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	name := strings.ToLower(kind)
	if group != "" {
		group, _, _ = strings.Cut(group, ".")
		name += "-" + group
	}
	name += "-" + version + ".json"
	if s := v.compiled[name]; s != nil {
		return s
	}
	text, err := os.ReadFile(filepath.Join(v.dir, name))
	if err != nil {
		t.Fatalf("%s %s: %v", apiVersion, kind, err)
	}
	var schema map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "/api/_definitions.json#", "#")), &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema, "$id")
	delete(schema, "$schema")
	schema["$defs"] = v.definitions
	s, err := gojsonschema.NewSchema(gojsonschema.NewGoLoader(schema))
	if err != nil {
		t.Fatal(err)
	}
	v.compiled[name] = s
	return s
}

// problems are what is wrong with an object.
func (v *validator) problems(t *testing.T, o object) []gojsonschema.ResultError {
	t.Helper()
	apiVersion, _ := o.all["apiVersion"].(string)
	result, err := v.schema(t, o.kind, apiVersion).Validate(gojsonschema.NewGoLoader(o.all))
	if err != nil {
		t.Fatal(err)
	}
	return result.Errors()
}

// Kubernetes knows every field of every object, and the value has the right type, in the oldest and the newest version.
func TestKubernetesAcceptsObjects(t *testing.T) {
	t.Parallel()
	for _, version := range kubernetes() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			v, kinds := newValidator(t, version), map[string]bool{}
			for _, r := range goldens(t) {
				for _, o := range r.objects {
					if kinds[o.kind] = true; slices.Contains(custom(), o.kind) {
						continue
					}
					for _, problem := range v.problems(t, o) {
						t.Errorf("%s: %s %s: %s", r.name, o.kind, o.name, problem)
					}
				}
			}
			for _, kind := range []string{
				"Deployment", "Service", "ServiceAccount", "ConfigMap", "PodDisruptionBudget", "HorizontalPodAutoscaler",
				"NetworkPolicy", "CronJob", "ServiceMonitor", "PrometheusRule", "Certificate",
			} {
				if !kinds[kind] {
					t.Errorf("no golden has a %s", kind)
				}
			}
		})
	}
}

// A field that Kubernetes does not know is found, however deep.
func TestSchemasAreStrict(t *testing.T) {
	t.Parallel()
	v := newValidator(t, kubernetes()[1])
	text, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"readOnlyRootFilesystem": "readonlyRootFilesystem", "grpc: {port: 9002}": "grpc: {port: admin}", "failureThreshold: 60": "failureTreshold: 60",
		"maxUnavailable: 0": "maxUnavailable: true", "appProtocol: grpc": "appProtocoll: grpc",
	} {
		broken := strings.Replace(string(text), from, to, 1)
		if broken == string(text) {
			t.Errorf("%s is not in the golden", from)
		}
		found := 0
		for _, o := range parse(t, []byte(broken)) {
			found += len(v.problems(t, o))
		}
		if found == 0 {
			t.Errorf("%s instead of %s is not found", to, from)
		}
	}
}

// valuesSchema is the chart's own.
func valuesSchema(t *testing.T) (*gojsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return schema, parsed
}

// The schema has exactly the names of values.yaml, and takes the defaults and every example.
func TestValuesFitTheirSchema(t *testing.T) {
	t.Parallel()
	schema, parsed := valuesSchema(t)
	defaults := values(t, filepath.Join(chart, "values.yaml"))
	named(t, "", parsed, parsed, defaults)
	examples, err := filepath.Glob("values/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(examples, filepath.Join(chart, "values.yaml")) {
		result, err := schema.Validate(gojsonschema.NewGoLoader(values(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range result.Errors() {
			t.Errorf("%s: %s", path, problem)
		}
	}
}

func values(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// named compares the names of a closed object of the schema with those of the defaults. The members of settings are flags, without defaults.
func named(t *testing.T, at string, root, schema, defaults map[string]any) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		definitions, _ := root["definitions"].(map[string]any)
		schema, _ = definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok || at == ".settings" {
		return
	}
	if closed, ok := schema["additionalProperties"].(bool); !ok || closed {
		t.Errorf("%s takes names that are not known", at)
	}
	for name := range properties {
		if _, ok := defaults[name]; !ok && at+name != "global" {
			t.Errorf("%s.%s is in the schema, and not in values.yaml", at, name)
		}
	}
	for name, value := range defaults {
		member, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is in values.yaml, and not in the schema", at, name)
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			named(t, at+"."+name, root, member, inner)
		}
	}
}

// The settings are the flags of serve that the chart does not set by itself, with their types and choices.
func TestSettingsAreFlags(t *testing.T) {
	t.Parallel()
	_, parsed := valuesSchema(t)
	properties, _ := parsed["properties"].(map[string]any)
	settings, _ := properties["settings"].(map[string]any)
	members, _ := settings["properties"].(map[string]any)
	got := map[string]string{}
	for name, member := range members {
		text, _ := json.Marshal(member)
		got[name] = string(text)
	}
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	want := map[string]string{}
	for name := range got {
		want[name] = got[name]
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if own(f.Name) {
			return
		}
		key := strings.ReplaceAll(f.Name, "-", "_")
		if kind := got[key]; !strings.Contains(kind, form(f)) {
			t.Errorf("%s is %q, which has no %s", key, kind, form(f))
		}
		delete(got, key)
	})
	if len(got) > 0 {
		t.Errorf("settings that are no flags: %v", got)
	}
}

// form is what the schema of a flag's value must have in it.
func form(f *pflag.Flag) string {
	switch kind := f.Value.Type(); {
	case strings.Contains(kind, "|"):
		text, _ := json.Marshal(strings.Split(kind, "|"))
		return string(text)
	case kind == "duration":
		return "#/definitions/duration"
	case kind == "bool":
		return `"boolean"`
	case kind == "int":
		return `"integer"`
	case kind == "float64":
		return `"number"`
	case kind == "stringSlice":
		return `"array"`
	default:
		return fmt.Sprintf("%q", kind)
	}
}

// own are the flags that other values of the chart stand for, and --config, for which settings stand.
func own(flag string) bool {
	if slices.Contains([]string{
		"tenants", "state-dir", "baseline", "record-usage", "listen", "insecure-listen", "admin-listen", "insecure-admin-listen",
		"insecure-rum-listen", "drain-delay", "stop-timeout", "config",
	}, flag) {
		return true
	}
	for _, prefix := range []string{"redis", "usage-redis-", "rum-", "tls-"} {
		if strings.HasPrefix(flag, prefix) {
			return true
		}
	}
	return false
}

// The rules are those of deploy/monitoring, to the letter.
func TestRulesAreThoseOfMonitoring(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../monitoring/prometheus/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("rules: %v, %v", files, err)
	}
	for _, r := range goldens(t) {
		got := map[string]any{}
		for _, o := range r.all("PrometheusRule") {
			got[o.name] = o.all["spec"]
		}
		if len(got) == 0 {
			continue
		}
		want := map[string]any{}
		for _, file := range files {
			want["cors-corsgate-"+strings.TrimSuffix(filepath.Base(file), ".yaml")] = any(values(t, file))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-rules +golden):\n%s", r.name, diff)
		}
	}
}

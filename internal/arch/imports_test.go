package arch

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// imports says what one directory may import beside the standard library. A
// path stands for itself and everything below it.
type imports struct {
	// dir is a directory, or with a final "/..." everything below it.
	dir string
	// ours are directories of this module.
	ours []string
	// others are import paths.
	others []string
	// not are paths that are refused although something above allows them, or
	// although they belong to the standard library.
	not []string
}

const (
	protobuf     = "google.golang.org/protobuf"
	grpc         = "google.golang.org/grpc"
	controlPlane = "github.com/envoyproxy/go-control-plane/envoy"
	yaml         = "go.yaml.in/yaml/v3"
	sync         = "golang.org/x/sync"
	goRedis      = "github.com/redis/go-redis/v9"
	cobra        = "github.com/spf13/cobra"
	pflag        = "github.com/spf13/pflag"
	otelAPI      = "go.opentelemetry.io/otel"
)

// table is the import table. The first row that fits a directory counts; a
// directory without a row is a finding.
func table() []imports {
	return []imports{
		{
			dir:    "policy",
			others: []string{"golang.org/x/net/publicsuffix", "golang.org/x/net/idna"},
			not:    []string{"context", "io/fs", "log", "net/http", "os", "sync", "syscall"},
		},
		{
			dir:    "tenant/redisstore",
			ours:   []string{"policy", "proto", "tenant", "tenant/store"},
			others: []string{protobuf, goRedis, sync, "go.opentelemetry.io/otel", "golang.org/x/time"},
			not:    []string{"flag", "net/http", "os/signal"},
		},
		{
			dir:    "tenant/mirror",
			ours:   []string{"policy", "tenant", "tenant/store"},
			others: []string{sync, "github.com/maypok86/otter/v2", "github.com/cespare/xxhash/v2"},
			not:    []string{"flag", "net", "net/http", "os", "os/signal"},
		},
		{
			dir:    "tenant/ondemand",
			ours:   []string{"policy", "tenant", "tenant/store", "tenant/trust"},
			others: []string{"github.com/maypok86/otter/v2", "github.com/cespare/xxhash/v2", "golang.org/x/time/rate"},
			not:    []string{"flag", "net", "net/http", "os", "os/signal"},
		},
		{
			dir:    "tenant/statefile",
			ours:   []string{"tenant/store"},
			others: []string{"github.com/cespare/xxhash/v2"},
			not:    []string{"flag", "net", "net/http", "os/signal"},
		},
		{
			dir:    "tenant/store/storetest",
			ours:   []string{"proto", "tenant", "tenant/store"},
			others: []string{protobuf, "github.com/google/go-cmp"},
		},
		{
			dir:    "tenant/store/storetest",
			ours:   []string{"proto", "tenant", "tenant/store"},
			others: []string{protobuf, "github.com/google/go-cmp/cmp"},
		},
		{
			dir:  "tenant/usage",
			ours: []string{"tenant/store"},
			not:  []string{"flag", "net", "net/http", "os/signal"},
		},
		{
			dir:  "tenant/...",
			ours: []string{"policy", "proto", "tenant", "internal/spelling", "internal/wording"},
			others: []string{
				protobuf, yaml, sync, "buf.build/go/protovalidate", "buf.build/gen/go/bufbuild/protovalidate",
				"github.com/fsnotify/fsnotify", "golang.org/x/net/idna",
			},
			not: []string{"net/http", "flag", "os/signal"},
		},
		{dir: "envoy/wire", not: []string{"*"}},
		{
			dir:  "envoy/lint",
			ours: []string{"envoy/wire"},
			others: []string{
				protobuf, yaml, controlPlane + "/config", controlPlane + "/extensions", controlPlane + "/type", "github.com/cncf/xds/go",
			},
			not: []string{"flag", "os", "os/signal"},
		},
		{
			dir:    "envoy/lint/linttest",
			ours:   []string{"envoy", "envoy/lint", "envoy/wire"},
			others: []string{protobuf, controlPlane + "/config", controlPlane + "/extensions", controlPlane + "/type", "github.com/cncf/xds/go"},
		},
		{dir: "envoy/page", others: []string{protobuf, yaml}, not: []string{"flag", "net", "os"}},
		{
			dir:    "envoy/gateway",
			ours:   []string{"envoy", "envoy/page", "envoy/wire"},
			others: []string{controlPlane + "/config"},
			not:    []string{"net/http", "flag", "os"},
		},
		{
			dir:    "envoy/istio",
			ours:   []string{"envoy", "envoy/page"},
			others: []string{protobuf, controlPlane + "/config/cluster"},
			not:    []string{"flag", "net", "os"},
		},
		{
			dir:  "envoy",
			ours: []string{"envoy/page", "envoy/wire"},
			others: []string{
				protobuf, controlPlane + "/config", controlPlane + "/extensions", controlPlane + "/type",
				controlPlane + "/annotations", "github.com/cncf/xds/go", "cel.dev/expr",
			},
			not: []string{"net/http", "flag"},
		},
		{
			dir:    "server/servertest",
			ours:   []string{"policy", "tenant", "server", "envoy/wire", "internal/vectors"},
			others: []string{protobuf, grpc, controlPlane + "/service", controlPlane + "/config/core", controlPlane + "/type", controlPlane + "/extensions/filters/http/ext_proc"},
		},
		{
			dir:    "server",
			ours:   []string{"policy", "tenant", "envoy/wire"},
			others: []string{protobuf, grpc, sync, otelAPI, controlPlane + "/service", controlPlane + "/config/core", controlPlane + "/type", controlPlane + "/extensions/filters/http/ext_proc"},
			not:    []string{"flag", "net/http", "os/signal", otelAPI + "/sdk"},
		},
		{
			dir:    "proto/...",
			others: []string{protobuf, "buf.build/gen/go/bufbuild/protovalidate"},
		},
		{dir: "internal/arch"},
		{dir: "internal/redistest", others: []string{goRedis, "github.com/Shopify/toxiproxy/v2"}},
		{dir: "internal/spelling"},
		{dir: "internal/wording"},
		{dir: "internal/wallclock"},
		{dir: "internal/cgroup"},
		{dir: "internal/linequeue"},
		{dir: "internal/build", not: []string{"flag", "net/http", "os"}},
		{dir: "internal/sbom", not: []string{"flag", "net/http", "os"}},
		{dir: "internal/sbom/sbomtest", others: []string{"github.com/CycloneDX/cyclonedx-go", "github.com/xeipuuv/gojsonschema"}},
		{dir: "deploy/image/sbom", ours: []string{"internal/build", "internal/sbom"}},
		{
			dir:    "internal/rum",
			ours:   []string{"policy", "tenant", "envoy/wire"},
			others: []string{"golang.org/x/net/netutil"},
			not:    []string{"flag", "os/signal"},
		},
		{dir: "internal/regular"},
		{dir: "internal/migrate/migratetest"},
		{
			dir:    "internal/migrate",
			ours:   []string{"policy", "proto", "tenant", "internal/regular", "internal/migrate", "internal/wording"},
			others: []string{protobuf, yaml, controlPlane + "/config/core", controlPlane + "/config/route", controlPlane + "/extensions/filters/http/cors", controlPlane + "/type"},
			not:    []string{"net", "net/http", "os", "flag"},
		},
		{dir: "internal/vectors", ours: []string{"policy", "tenant", "envoy/wire", "proto"}, others: []string{protobuf}},
		{dir: "internal/probe/probetest", ours: []string{"policy", "tenant"}},
		{dir: "internal/probe", ours: []string{"policy", "proto", "tenant"}, others: []string{protobuf, sync, yaml}, not: []string{"flag", "os/signal"}},
		{dir: "internal/sarif/sariftest", others: []string{"github.com/owenrumney/go-sarif/v3", "github.com/xeipuuv/gojsonschema"}},
		{dir: "internal/sarif"},
		{dir: "internal/report", ours: []string{"policy", "tenant", "internal/sarif", "internal/wording"}},
		{dir: "internal/demo", ours: []string{"policy", "tenant", "envoy", "proto", "internal/app", "internal/config"}, others: []string{protobuf}},
		{
			dir:    "internal/config",
			ours:   []string{"policy", "internal/spelling"},
			others: []string{pflag, yaml},
			not:    []string{grpc},
		},
		{dir: "internal/telemetry/page", ours: []string{"internal/telemetry"}},
		{
			dir:    "internal/telemetry",
			ours:   []string{"policy", "tenant", "server"},
			others: []string{otelAPI, "github.com/prometheus", "github.com/go-logr/logr"},
			not:    []string{"flag", "os/signal"},
		},
		{
			dir:    "internal/app",
			ours:   []string{"policy", "tenant", "server", "envoy", "internal/build", "internal/config", "internal/rum", "internal/telemetry", "internal/wallclock"},
			others: []string{protobuf, grpc, sync, "github.com/fsnotify/fsnotify", "golang.org/x/net/netutil"},
			not:    []string{"flag", "os/signal"},
		},
		{
			dir:    "cmd/...",
			ours:   []string{"policy", "tenant", "envoy", "server", "proto", "internal/app", "internal/build", "internal/cgroup", "internal/config", "internal/demo", "internal/linequeue", "internal/migrate", "internal/probe", "internal/report", "internal/sarif", "internal/sbom", "internal/wording"},
			others: []string{cobra, pflag, protobuf, grpc, sync},
		},
		{dir: "deploy/monitoring/dashboards"},
		{dir: "deploy/monitoring/rules", others: []string{yaml}},
		{dir: "deploy/monitoring/dashboards/generate", ours: []string{"deploy/monitoring/dashboards"}},
		{
			dir:    "bench/decision",
			ours:   []string{"policy", "tenant", "server"},
			others: []string{"github.com/rs/cors", "go.uber.org/goleak", "golang.org/x/sys"},
		},
		{dir: "bench/...", ours: []string{"policy", "tenant", "server", "proto", "envoy", "bench/cputime", "bench/seed", "internal/redistest", "internal/telemetry"}, others: []string{sync, grpc, protobuf, controlPlane, "golang.org/x/sys"}},
		{dir: "test/istio", ours: []string{"e2e/harness"}, others: []string{"istio.io/istio", "istio.io/api", controlPlane + "/config/cluster"}},
		{dir: "e2e/...", ours: []string{""}, others: []string{protobuf, grpc, controlPlane, "go.opentelemetry.io/proto/otlp", "golang.org/x/net"}},
	}
}

// onlyBy says who alone may import a directory of ours.
func onlyBy() map[string][]string {
	return map[string][]string{
		"internal/app":       {"internal/demo", "cmd", "e2e"},
		"internal/telemetry": {"internal/app", "internal/telemetry", "bench", "deploy", "e2e"},
		"internal/config":    {"internal/app", "internal/demo", "cmd", "e2e"},
		"e2e":                {"e2e", "test"},
	}
}

// checkImports holds every written file against the table.
func checkImports(t *tree, rows []imports, only map[string][]string) []string {
	var found []string
	for _, f := range t.written() {
		dir := path.Dir(f.path)
		row, ok := rowFor(rows, dir)
		if !ok {
			found = append(found, fmt.Sprintf("%s: %s has no row in the import table", f.path, dir))
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				imported = spec.Path.Value
			}
			if !row.allows(imported) {
				found = append(found, f.at(spec.Pos(), "%s may not import %s", dir, imported))
			}
			if !permitted(only, dir, imported) {
				found = append(found, f.at(spec.Pos(), "%s is imported by %s", imported, dir))
			}
		}
	}
	return found
}

func rowFor(rows []imports, dir string) (imports, bool) {
	for _, row := range rows {
		if base, below := strings.CutSuffix(row.dir, "/..."); row.dir == dir || below && within(base, dir) {
			return row, true
		}
	}
	return imports{}, false
}

func (r imports) allows(imported string) bool {
	if slices.ContainsFunc(r.not, func(not string) bool { return not == "*" || within(not, imported) }) {
		return false
	}
	if imported == module || strings.HasPrefix(imported, module+"/") {
		return slices.ContainsFunc(r.ours, func(dir string) bool { return dir == "" || within(module+"/"+dir, imported) })
	}
	// Only the first element of a path that needs a download has a dot.
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true
	}
	return slices.ContainsFunc(r.others, func(other string) bool { return within(other, imported) })
}

func permitted(only map[string][]string, dir, imported string) bool {
	for ours, by := range only {
		if within(module+"/"+ours, imported) {
			return slices.ContainsFunc(by, func(who string) bool { return within(who, dir) })
		}
	}
	return true
}

// within reports whether p is base or below it.
func within(base, p string) bool {
	return p == base || strings.HasPrefix(p, base+"/")
}

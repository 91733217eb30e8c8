package lint_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/envoy/lint/linttest"
)

func rendered(tb testing.TB, d envoy.Design) string {
	tb.Helper()
	text, err := envoy.Render(envoy.DefaultOptions(d))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// found are the rules that a text breaks, with their places.
func found(tb testing.TB, text string) []string {
	tb.Helper()
	var out []string
	for _, f := range check(tb, []byte(text)).Findings {
		out = append(out, fmt.Sprintf("%s %s:%d", f.Rule.ID, f.Place.Path, f.Place.Line))
	}
	return out
}

func TestWhatIsNoConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "empty",
		" \n":                            "empty",
		"{":                              "JSON",
		"{} {}":                          "more than one document",
		"{}":                             "nothing of an Envoy configuration",
		"tenants: []":                    "nothing of an Envoy configuration",
		"- a":                            "no YAML mapping",
		"a: [":                           "YAML",
		`{"configs": [{"bootstrap": {]}`: "JSON",
		"static_resources: {clusters: [{load_assignment: {policy: {x: .nan}}}]}": "YAML",
	} {
		_, err := lint.Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one of %q", text, err, want)
		}
	}
}

// endless never ends.
type endless struct{ start string }

// Read gives the start and then blanks, which no parser stops at.
func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	n := copy(p, e.start)
	e.start = e.start[n:]
	return len(p), nil
}

func TestTooMuchIsRefused(t *testing.T) {
	for _, start := range []string{"{", "a: b #"} {
		if _, err := lint.ReadWithin(&endless{start}, 1<<20, 1<<16); !errors.Is(err, lint.ErrTooLarge) {
			t.Errorf("%q...: %v, want %v", start, err, lint.ErrTooLarge)
		}
	}
}

// TestUnknownExtensionsAreNoObstacle has types that nobody has ever linked in every place where a
// type can be: they are read past, and what is known is found behind them.
func TestUnknownExtensionsAreNoObstacle(t *testing.T) {
	text := rendered(t, envoy.Metadata)
	unknown := "{name: x, typed_config: {'@type': type.googleapis.com/vendor.v9.Filter, deep: {'@type': type.googleapis.com/vendor.v9.Deep, 1: [~]}}}"
	text = strings.Replace(text, "                  - name: envoy.filters.http.router\n", "                  - "+unknown+"\n                  - name: envoy.filters.http.router\n", 1)
	text = strings.Replace(text, "                access_log:\n", "                access_log:\n                  - "+unknown+"\n", 1)
	text = strings.Replace(text, "      per_connection_buffer_limit_bytes: 32768\n", "      per_connection_buffer_limit_bytes: 32768\n      field_of_tomorrow: {a: b}\n      traffic_direction: SIDEWAYS\n", 1)
	if strings.Count(text, "vendor.v9.Filter") != 2 || !strings.Contains(text, "SIDEWAYS") {
		t.Fatal("the rendered configuration has other lines now")
	}
	if got := found(t, text); len(got) > 0 {
		t.Errorf("found %v in what is only unknown", got)
	}
	broken := strings.Replace(text, "message_timeout: 0.050s", "message_timeout: 5s", 1)
	if got := found(t, broken); len(got) != 1 || !strings.HasPrefix(got[0], "message-timeout-long ") {
		t.Errorf("found %v, want message-timeout-long alone", got)
	}
}

// TestTypedStructIsLookedInto wraps a known filter as control planes do whose bindings are older.
func TestTypedStructIsLookedInto(t *testing.T) {
	const mutation = "'@type': type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation\n"
	text := rendered(t, envoy.Metadata)
	_, rest, _ := strings.Cut(text, mutation)
	indent := rest[:strings.Index(rest, "mutations:")]
	for _, outer := range []string{"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"} {
		wrapped := strings.Replace(text, mutation, "'@type': type.googleapis.com/"+outer+"\n"+
			indent+"type_url: type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation\n"+indent+"value:\n", 1)
		lines := strings.Split(wrapped, "\n")
		inside := false
		for i, line := range lines {
			switch {
			case strings.HasPrefix(line, indent+"value:"):
				inside = true
			case inside && !strings.HasPrefix(line, indent):
				inside = false
			case inside:
				lines[i] = "  " + line
			}
		}
		if got := found(t, strings.Join(lines, "\n")); len(got) > 0 {
			t.Errorf("%s: found %v, want nothing", outer, got)
		}
	}
}

// TestPlaces follows one finding to its line and its path, in YAML and in JSON.
func TestPlaces(t *testing.T) {
	text := strings.Replace(rendered(t, envoy.Metadata), "message_timeout: 0.050s", "message_timeout: 5s", 1)
	before, _, _ := strings.Cut(text, "'@type': type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor")
	want := fmt.Sprintf("message-timeout-long static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[2].typed_config."+
		"matcher.matcher_list.matchers[0].on_match.matcher.matcher_list.matchers[0].on_match.action.typed_config.typed_config.typed_config:%d", strings.Count(before, "\n")+1)
	if diff := cmp.Diff([]string{want}, found(t, text)); diff != "" {
		t.Error(diff)
	}
	r := check(t, []byte(text))
	if got, want := r.Findings[0].Place.Name, "listener edge, filter cors-decide, action preflight"; got != want {
		t.Errorf("the place is called %q, want %q", got, want)
	}
}

// TestDumpAndFileSayTheSame compares a dump with the bootstrap that it is of, and with resources
// that came by xDS.
func TestDumpAndFileSayTheSame(t *testing.T) {
	dump := linttest.Dump("", "")
	if got := found(t, dump); len(got) > 0 {
		t.Errorf("found %v in the dump of what is rendered", got)
	}
	for old, put := range map[string]string{
		`"static_listeners": [{"listener"`: `"dynamic_listeners": [{"name": "edge", "active_state": {"listener"`,
		`}], "dynamic_listeners": []}`:     `}}]}`,
		`"static_clusters"`:                `"dynamic_active_clusters"`,
	} {
		if !strings.Contains(dump, old) {
			t.Fatalf("no %q in the dump", old)
		}
		dump = strings.Replace(dump, old, put, 1)
	}
	if got := found(t, dump); len(got) > 0 {
		t.Errorf("found %v in the dump of dynamic resources", got)
	}
	dump = strings.Replace(dump, `"message_timeout":"0.050s"`, `"message_timeout":"5s"`, 1)
	if got := found(t, dump); len(got) != 1 || !strings.Contains(got[0], "configs[2].dynamic_listeners[0].active_state.listener.filter_chains[0]") {
		t.Errorf("found %v, want message-timeout-long in the dynamic listener", got)
	}
}

func FuzzRead(f *testing.F) {
	examples, err := linttest.Examples()
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range examples {
		f.Add(x.Text)
	}
	f.Add([]byte(rendered(f, envoy.Metadata)))
	f.Add([]byte(`{"configs": [{"dynamic_listeners": [{}, 1, null]}, 7], "xds": {"a": {"configs": []}}}`))
	f.Add([]byte(`{"resources": [{"@type": "/envoy.config.listener.v3.Listener", "name": 1}]}`))
	f.Add([]byte("static_resources: &a {listeners: [*a]}"))
	known := map[lint.ID]bool{}
	for _, r := range lint.Rules() {
		known[r.ID] = true
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<20 {
			return
		}
		c, err := lint.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, found := range lint.Check(c, lint.Options{}).Findings {
			if !known[found.Rule.ID] || found.Detail == "" || found.Fix == "" {
				t.Errorf("a finding of no rule: %+v", found)
			}
		}
	})
}

// largeDump is a dump of more than size bytes: clusters, routes and an unknown section.
func largeDump(size int) io.Reader {
	small := linttest.Dump("", "")
	head := strings.TrimSuffix(strings.TrimSpace(small), "]}")
	var routes strings.Builder
	for i := range 200 {
		if i > 0 {
			routes.WriteByte(',')
		}
		fmt.Fprintf(&routes, `{"name": "r%d", "match": {"prefix": "/%d"}, "route": {"cluster": "c%d"}, "metadata": {"filter_metadata": {"x": {"y": %q}}}}`, i, i, i, strings.Repeat("z", 300))
	}
	one := fmt.Sprintf(`{"route_config": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "n", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [%s]}]}}`, routes.String())
	cluster := fmt.Sprintf(`{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "c", "metadata": {"filter_metadata": {"x": {"y": %q}}}}}`, strings.Repeat("z", 2000))
	parts := []io.Reader{strings.NewReader(head + `, {"dynamic_route_configs": [` + one)}
	n := len(head)
	for ; n < size/2; n += len(one) {
		parts = append(parts, strings.NewReader(","+one))
	}
	parts = append(parts, strings.NewReader(`]}, {"dynamic_active_clusters": [`+cluster))
	for i := 0; n < size*3/4; n += len(cluster) {
		i++
		parts = append(parts, strings.NewReader(","+strings.Replace(cluster, `"name": "c"`, fmt.Sprintf(`"name": "c%d"`, i), 1)))
	}
	parts = append(parts, strings.NewReader(`]}, {"static_endpoint_configs": [0`))
	for ; n < size; n += len(cluster) {
		parts = append(parts, strings.NewReader(","+cluster))
	}
	return io.MultiReader(append(parts, strings.NewReader("]}]}"))...)
}

// TestMemoryOfALargeDump holds what stays in memory to half of the dump: clusters are kept as they
// came, and of routes only what a rule may ask for.
func TestMemoryOfALargeDump(t *testing.T) {
	const size = 4 << 20
	old := debug.SetGCPercent(20)
	defer debug.SetGCPercent(old)
	dump := largeDump(size)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := lint.Read(dump)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := lint.Check(c, lint.Options{}).Findings; len(got) > 0 {
		t.Errorf("found %+v", got)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > size/2 {
		t.Errorf("%d MB are kept of %d MB", kept>>20, size>>20)
	}
}

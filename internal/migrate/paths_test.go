package migrate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/migrate"
	"github.com/corsgate/corsgate/internal/migrate/migratetest"
)

// route is a route of Envoy whose policy allows one origin, or that has none.
type route struct{ kind, path, origin string }

// takes is how Envoy matches. A route that looks at a header may take a path, or not.
func (r *route) takes(path string) (takes, certain bool) {
	switch r.kind {
	case "prefix":
		return strings.HasPrefix(path, r.path), true
	case "path":
		return path == r.path, true
	case "header":
		return strings.HasPrefix(path, r.path), false
	default:
		return path == r.path || strings.HasPrefix(path, r.path+"/"), true
	}
}

func envoyRoutes(routes []route) []byte {
	var list []any
	for _, r := range routes {
		match := map[string]any{r.kind: r.path}
		if r.kind == "header" {
			match = map[string]any{"prefix": r.path, "headers": []any{map[string]any{"name": "x-beta", "present_match": true}}}
		}
		one := map[string]any{"match": match, "route": map[string]any{"cluster": "app"}}
		if r.origin != "" {
			one["typed_per_filter_config"] = map[string]any{"envoy.filters.http.cors": migratetest.EnvoyPolicy(&migratetest.Sample{
				Origins: []migratetest.Origin{{Kind: "exact", Text: r.origin}},
			})}
		}
		list = append(list, one)
	}
	text, _ := json.Marshal(map[string]any{"virtual_hosts": []any{map[string]any{"domains": []string{migratetest.Host}, "routes": list}}})
	return text
}

func testPaths() []string {
	return []string{"/", "/a", "/a/", "/ab", "/a/b", "/a/bc", "/a/b/", "/a/b/c", "/b", "/b/a", "/c", "/a/c"}
}

// TestPathsOpenNothing: a path gets no origin that the first route which takes it does not allow.
func TestPathsOpenNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	granted := 0
	for range 400 {
		var routes []route
		for range 1 + r.IntN(5) {
			routes = append(routes, route{
				kind:   []string{"prefix", "path", "path_separated_prefix", "header"}[r.IntN(4)],
				path:   []string{"/", "/a", "/a/", "/a/b", "/b", "/a/b/c"}[r.IntN(6)],
				origin: []string{"", "https://one.example", "https://two.example"}[r.IntN(3)],
			})
			if last := &routes[len(routes)-1]; last.kind == "path_separated_prefix" && strings.HasSuffix(last.path, "/") {
				last.path = "/a" // Envoy takes no slash at the end
			}
		}
		granted += checkRoutes(t, routes)
	}
	if granted < 500 {
		t.Errorf("only %d requests were allowed: the test asks the wrong questions", granted)
	}
}

func checkRoutes(t *testing.T, routes []route) (granted int) {
	t.Helper()
	text := envoyRoutes(routes)
	result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: text}}, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	after := load(t, result)
	for _, path := range testPaths() {
		for _, origin := range []string{"https://one.example", "https://two.example"} {
			was, found := true, false
			for i := range routes {
				takes, certain := routes[i].takes(path)
				if !takes {
					continue
				}
				found, was = true, was && routes[i].origin == origin
				if certain {
					break
				}
			}
			is, _ := after.allowsAt(migratetest.Host, path, &migratetest.Ask{Origin: origin, Method: "GET"})
			if is && found && !was {
				t.Fatalf("%s may read %s:\n%s\n%s", origin, path, text, after.text)
			}
			if is {
				granted++
			}
		}
	}
	return granted
}

// TestSegmentsAreExact: where a source has whole segments, most specific first, documents lose nothing.
func TestSegmentsAreExact(t *testing.T) {
	t.Parallel()
	routes := []route{
		{"path_separated_prefix", "/a/b", "https://one.example"},
		{"path_separated_prefix", "/a", "https://two.example"},
		{"path_separated_prefix", "/b", "https://one.example"},
		{"prefix", "/", "https://two.example"},
	}
	result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: envoyRoutes(routes)}}, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Count(migrate.Narrower) != 0 {
		t.Errorf("something is narrower: %v", result.Differences)
	}
	after := load(t, result)
	for _, path := range testPaths() {
		for i := range routes {
			if takes, _ := routes[i].takes(path); takes {
				if is, why := after.allowsAt(migratetest.Host, path, &migratetest.Ask{Origin: routes[i].origin, Method: "GET"}); !is {
					t.Errorf("%s may not read %s any more (%s)\n%s", routes[i].origin, path, why, after.text)
				}
				break
			}
		}
	}
}

// TestAlignPaths: prefixes that are written loosely mean whole segments, if a person says so.
func TestAlignPaths(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/a", "/a/"} {
		text := envoyRoutes([]route{{"prefix", prefix, "https://one.example"}, {"prefix", "/", "https://two.example"}})
		for _, align := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", prefix, align), func(t *testing.T) {
				result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: text}}, migrate.Options{AlignPaths: align})
				if err != nil {
					t.Fatal(err)
				}
				if lost := result.Count(migrate.Narrower) > 0; lost == align {
					t.Errorf("differences: %v", result.Differences)
				}
				after := load(t, result)
				for path, origin := range map[string]string{"/a": "https://one.example", "/a/x": "https://one.example", "/": "https://two.example", "/ab": "https://two.example"} {
					if is, _ := after.allowsAt(migratetest.Host, path, &migratetest.Ask{Origin: origin, Method: "GET"}); align && !is {
						t.Errorf("%s may not read %s\n%s", origin, path, after.text)
					}
				}
			})
		}
	}
}

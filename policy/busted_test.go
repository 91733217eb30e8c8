package policy_test

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/vectors"
	"github.com/corsgate/corsgate/policy"
)

func loadBusted(t *testing.T) []vectors.Busted {
	t.Helper()
	busted, err := vectors.LoadBusted("testdata/busted")
	if err != nil {
		t.Fatal(err)
	}
	return busted
}

// TestBusted compiles documents with one mistake each (rule 74): that one is reported, with its
// place, code and fix, and nothing else.
func TestBusted(t *testing.T) {
	for _, b := range loadBusted(t) {
		t.Run(b.Name, func(t *testing.T) {
			spec, err := vectors.Spec(b.Tenant, "/")
			if err != nil {
				t.Fatal(err)
			}
			p, err := policy.Compile(spec)
			var problems policy.Problems
			if p != nil || !errors.As(err, &problems) {
				t.Fatalf("got policy %v and error %v, want problems only", p, err)
			}
			want := []policy.Problem{{Path: b.Path, Code: policy.Code(b.Code), Fix: b.Fix}}
			got := slices.Clone([]policy.Problem(problems))
			for i := range got {
				got[i].Value, got[i].Detail = "", ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBustedFixes takes each fix of the form "write X" at its word: the document with X
// in the place of the mistake is legal.
func TestBustedFixes(t *testing.T) {
	const write = "write "
	for _, b := range loadBusted(t) {
		fix, ok := strings.CutPrefix(b.Fix, write)
		if !ok {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			spec, err := vectors.Spec(b.Tenant, "/")
			if err != nil {
				t.Fatal(err)
			}
			switch b.Path {
			case "origins[0]":
				spec.Origins[0] = fix
			case "origins[1]":
				spec.Origins[1] = fix
			case "temporary_origins[0].origin":
				spec.TemporaryOrigins[0].Origin = fix
			default:
				t.Fatalf("do not know where to write at %s", b.Path)
			}
			if _, err := policy.Compile(spec); err != nil {
				t.Errorf("with %q: %v", fix, err)
			}
		})
	}
}

// TestBustedCoversEveryCode reads the codes from their source: each code that a document
// can cause has a busted document.
func TestBustedCoversEveryCode(t *testing.T) {
	elsewhere := map[string]string{
		"limit":          "ten thousand lines are made in compile_test.go",
		"value_too_long": "as limit",
		"unsendable":     "the last guard: every cause of it has a problem of its own before",
		"upstream_mode":  "a document names the mode, so a number that is none cannot come from one",
	}
	source, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	refusals, _, found := strings.Cut(string(source), "// What is legal and still")
	if !found {
		t.Fatal("code.go does not tell refusals from advice any more")
	}
	missing := map[string]bool{}
	for _, m := range regexp.MustCompile(`Code\w+ +Code = "(\w+)"`).FindAllStringSubmatch(refusals, -1) {
		missing[m[1]] = elsewhere[m[1]] == ""
	}
	for _, b := range loadBusted(t) {
		if _, known := missing[b.Code]; !known || elsewhere[b.Code] != "" {
			t.Errorf("%s: code %q is unknown, or listed as without a document", b.Name, b.Code)
		}
		missing[b.Code] = false
	}
	for _, code := range slices.Sorted(maps.Keys(missing)) {
		if missing[code] {
			t.Errorf("code %q has no busted document", code)
		}
	}
}

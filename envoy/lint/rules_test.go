package lint_test

import (
	"slices"
	"testing"

	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/envoy/lint/linttest"
)

// TestEachExampleHasItsFaultAndNoOther holds every broken configuration against all rules.
func TestEachExampleHasItsFaultAndNoOther(t *testing.T) {
	examples, err := linttest.Examples()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[lint.ID]bool{}
	for _, x := range examples {
		shown[x.Rule] = true
		t.Run(x.Name, func(t *testing.T) {
			var got []lint.ID
			for _, f := range check(t, x.Text).Findings {
				got = append(got, f.Rule.ID)
				if f.Place.Name == "" || f.Detail == "" || f.Fix == "" {
					t.Errorf("a finding says too little: %+v", f)
				}
				if f.Rule.ID != x.Rule {
					t.Errorf("also %s at %s: %s", f.Rule.ID, f.Place.Name, f.Detail)
				}
			}
			if !slices.Contains(got, x.Rule) {
				t.Errorf("found %v, want %s", got, x.Rule)
			}
		})
	}
	for _, r := range lint.Rules() {
		if !shown[r.ID] {
			t.Errorf("no example for rule %s", r.ID)
		}
	}
}

func TestRulesAreDistinct(t *testing.T) {
	seen := map[lint.ID]bool{}
	for _, r := range lint.Rules() {
		if seen[r.ID] || r.Title == "" || !slices.Contains([]lint.Severity{lint.Error, lint.Warning, lint.Note}, r.Severity) {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
	}
}

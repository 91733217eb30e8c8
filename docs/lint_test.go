package docs_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/envoy/lint"
)

// Each rule of lint-envoy has its section, in the order of the rules, with its severity and title, and
// there is no other section.
func TestRulesOfLintEnvoy(t *testing.T) {
	t.Parallel()
	words := map[lint.Severity]string{lint.Error: "Error", lint.Warning: "Warning", lint.Note: "Note"}
	var want, got []string
	for _, r := range lint.Rules() {
		want = append(want, string(r.ID)+" "+words[r.Severity]+": "+r.Title+".")
	}
	section := regexp.MustCompile(`(?m)^### (\S+)\n\*\*(.*?)\*\* \S`)
	text := read(t, "lint-envoy.md")
	for _, m := range section.FindAllStringSubmatch(text, -1) {
		got = append(got, m[1]+" "+m[2])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-rules +page):\n%s", diff)
	}
	if n := len(regexp.MustCompile(`(?m)^### `).FindAllString(text, -1)); n != len(got) {
		t.Errorf("%d sections, %d of rules", n, len(got))
	}
}

package sarif_test

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/sarif"
	"github.com/corsgate/corsgate/internal/sarif/sariftest"
)

// TestOfficialSchema holds logs against the JSON schema of the standard, which the library carries.
func TestOfficialSchema(t *testing.T) {
	rules := []sarif.Rule{{ID: "a", Summary: "short", Help: "https://example.com/a#b", Level: "note"}, {ID: "b"}}
	for name, log := range map[string]struct {
		rules   []sarif.Rule
		results []sarif.Result
	}{
		"empty": {},
		"full": {rules, []sarif.Result{
			{Rule: "a", Level: "note", Message: "m", URI: sarif.FileURI("/etc/x y.yaml"), Line: 3, Column: 1, Logical: "l"},
			{Rule: "b", Level: "error", Message: "m", URI: sarif.FileURI("c:d.yaml")},
			{Rule: "unlisted", Level: "warning", Message: "m", URI: "http://127.0.0.1:9901", Line: 3},
		}},
	} {
		var b strings.Builder
		if err := sarif.Write(&b, log.rules, log.results); err != nil {
			t.Fatal(err)
		}
		if err := sariftest.Valid(t, b.String()); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}

// TestOfficialSchemaRefuses makes sure that the library looks at all.
func TestOfficialSchemaRefuses(t *testing.T) {
	var b strings.Builder
	if err := sarif.Write(&b, nil, []sarif.Result{{Rule: "a", Level: "fatal", Message: "m", URI: "x"}}); err != nil {
		t.Fatal(err)
	}
	if err := sariftest.Valid(t, b.String()); err == nil {
		t.Error("a level that the standard does not have is valid")
	}
}

package answer

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
)

func TestValidValues(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		value := "a" + string([]byte{byte(c)}) + "b"
		if got, want := validValue(value), c >= 0x20 && c <= 0x7E; got != want {
			t.Errorf("byte %#02x inside a value: %v, want %v", c, got, want)
		}
		name := string([]byte{byte(c)})
		if got, want := validName(name), strings.Contains("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", name); got != want {
			t.Errorf("name %q: %v, want %v", name, got, want)
		}
	}
	for _, bad := range []string{"", " a", "a ", strings.Repeat("a", maxValueBytes+1)} {
		if validValue(bad) {
			t.Errorf("%.10q is taken", bad)
		}
	}
	if !validHeaders(make20()) || validHeaders(append(make20(), policy.Header{Name: "a", Value: "b"})) {
		t.Error("the bound of mutations is not 20")
	}
	if e := (policy.Edits{Remove: []string{"a"}, Set: make20()}); validEdits(&e) {
		t.Error("removals do not count as mutations")
	}
	if e := (policy.Edits{Remove: []string{"A"}}); validEdits(&e) {
		t.Error("a name in upper case may be removed")
	}
}

func make20() []policy.Header {
	list := make([]policy.Header, maxMutations)
	for i := range list {
		list[i] = policy.Header{Name: "a", Value: "b"}
	}
	return list
}

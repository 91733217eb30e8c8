package probe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// naive reads a list byte by byte.
func naive(lines []string) list {
	l := list{}
	for _, line := range lines {
		element := ""
		for _, c := range []byte(line + ",") {
			if c != ',' {
				element += string([]byte{c})
				continue
			}
			for element != "" && (element[0] == ' ' || element[0] == '\t') {
				element = element[1:]
			}
			for n := len(element); n > 0 && (element[n-1] == ' ' || element[n-1] == '\t'); n = len(element) {
				element = element[:n-1]
			}
			if element != "" {
				l[strings.ToLower(element)]++
			}
			element = ""
		}
	}
	return l
}

func FuzzElements(f *testing.F) {
	f.Add("Origin, accept-encoding", "origin")
	f.Add(",,\t, a b ,*", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		if len(one)+len(two) > 1<<12 {
			return
		}
		lines := []string{one, two}
		if diff := cmp.Diff(naive(lines), elements(lines)); diff != "" {
			t.Errorf("%q (-naive +got):\n%s", lines, diff)
		}
	})
}

// Look-alikes of a listed origin, and the ones that cannot be made.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string][]string{
		"http://localhost:3000": {
			"http://localhost.evil.test:3000", "http://evillocalhost:3000", "http://evil.localhost:3000", "http://localhost.:3000",
			"http://localhost:3001", "https://localhost:3000",
		},
		"https://[2001:db8::1]": nil,
	} {
		if diff := cmp.Diff(want, lookalikes(origin)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", origin, diff)
		}
	}
}

// The command line is one that a shell takes apart again as it was meant.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"https://api.example/": "https://api.example/", "": "''", "it's": `'it'\''s'`, "a b;$(c)": "'a b;$(c)'", "/x?a=1&b=2": "'/x?a=1&b=2'",
	} {
		if got := quoted(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

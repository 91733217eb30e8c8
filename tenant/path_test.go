package tenant

import "testing"

func TestCoversPath(t *testing.T) {
	cases := []struct {
		prefix, path string
		want         bool
	}{
		{"/public", "/public", true},
		{"/public", "/public/", true},
		{"/public", "/public/x", true},
		{"/public", "/public?x=/y", true},
		{"/public", "/publicity", false},
		{"/public", "/Public", false},
		{"/public", "/pub", false},
		{"/public", "//public", false},
		{"/public", "/%70ublic", false},
		{"/public", "/x/public", false},
		{"/a/b", "/a/b/c", true},
		{"/a/b", "/a/bc", false},
		{"/a/b", "/a", false},
		{"/", "/", true},
		{"/", "/x", true},
		{"/", "*", false},
		{"/a%2Fb", "/a%2Fb/c", true},
		{"/a%2Fb", "/a/b", false},
	}
	for _, c := range cases {
		if got := coversPath(c.prefix, cutQuery(c.path)); got != c.want {
			t.Errorf("rule 27: %q covers %q: %t, want %t", c.prefix, c.path, got, c.want)
		}
	}
}

func TestPathFault(t *testing.T) {
	cases := []struct {
		prefix, fix string
		good        bool
	}{
		{"/", "", true},
		{"/public", "", true},
		{"/a/b.c/...", "", true},
		{"/caf%C3%A9/a%20b", "", true},
		{"/%7Euser", "write /~user", false},
		{"/caf%c3%a9", "write /caf%C3%A9", false},
		{"/%2E%2E/x", "", false},
		{"/a%2Fb", "", false},
		{"/a%5cb", "", false},
		{"/100%25", "", false},
		{"/a%3Bb", "", false},
		{"/a;b", "", false},
		{"/a\\b", "", false},
		{"/a%", "", false},
		{"/a%zz", "", false},
		{"/a%4", "", false},
		{"", "", false},
		{"public", "write /public", false},
		{"/public/", "write /public", false},
		{"//public", "write /public", false},
		{"/a//b/", "write /a/b", false},
		{"//", "write /", false},
		{"/a/../b", "", false},
		{"/./a", "", false},
		{"/a?x", "write /a", false},
		{"/a#x", "write /a", false},
		{"/a b", "", false},
		{"/a\x00", "", false},
		{"/é", "", false},
	}
	for _, c := range cases {
		detail, fix := PathPrefixFault(c.prefix)
		if (detail == "") != c.good || fix != c.fix {
			t.Errorf("rule 27b: PathPrefixFault(%q) = %q, fix %q; want good %t, fix %q", c.prefix, detail, fix, c.good, c.fix)
		}
	}
}

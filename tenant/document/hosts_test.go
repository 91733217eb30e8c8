package document

import "testing"

func TestCanonicalHost(t *testing.T) {
	cases := []struct{ entry, want, fix string }{
		{"API.Acme.example.", "api.acme.example", ""},
		{"*.Acme.example", "*.acme.example", ""},
		{"*.bücher.example", "*.xn--bcher-kva.example", ""},
		{"*", "*", ""},
		{"*.localhost", "*.localhost", ""},
		{"[2001:DB8::1]", "[2001:db8::1]", ""},
		{"api.acme.example:443", "", "write api.acme.example"},
		{"*.acme.example:443", "", "write *.acme.example"},
		{"[::1]:80", "", "write [::1]"},
		{"https://API.acme.example/x", "", "write api.acme.example"},
		{"https://*.acme.example", "", "write *.acme.example"},
		{"api.acme.example/", "", "write api.acme.example"},
		{"api.*.example", "", ""},
		{"**.example", "", ""},
		{"*example", "", ""},
		{"*.", "", ""},
		{"*.*.example", "", ""},
		{"*.0.0.1", "", ""},
		{"*.[::1]", "", ""},
		{"a,b", "", ""},
		{"", "", ""},
	}
	for _, c := range cases {
		got, f := canonicalHost(c.entry)
		if got != c.want || f.fix != c.fix || (f.code == "") != (c.want != "") {
			t.Errorf("canonicalHost(%q) = %q, code %q, fix %q; want %q, fix %q", c.entry, got, f.code, f.fix, c.want, c.fix)
		}
	}
}

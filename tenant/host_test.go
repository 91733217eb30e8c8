package tenant

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// authorities is a table of spellings: what a client may send, and the one
// host that it names, or "" when it names none.
func authorities() map[string]string {
	label63 := strings.Repeat("a", 63)
	host253 := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	return map[string]string{
		// One host, however written.
		"api.acme.example":             "api.acme.example",
		"API.Acme.EXAMPLE":             "api.acme.example",
		"api.acme.example:443":         "api.acme.example",
		"api.acme.example:8443":        "api.acme.example",
		"API.acme.example:80":          "api.acme.example",
		"api.acme.example.":            "api.acme.example",
		"api.acme.example.:443":        "api.acme.example",
		"API.ACME.EXAMPLE.:65535":      "api.acme.example",
		"api.acme.example:0":           "api.acme.example",
		"localhost":                    "localhost",
		"localhost:10000":              "localhost",
		"my_service.internal":          "my_service.internal",
		"-a.example":                   "-a.example",
		"1.example":                    "1.example",
		label63 + ".example":           label63 + ".example",
		host253:                        host253,
		host253 + ":443":               host253,
		host253 + ".":                  host253,
		"bücher.example":               "xn--bcher-kva.example",
		"BÜCHER.example:443":           "xn--bcher-kva.example",
		"xn--bcher-kva.example":        "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":        "xn--bcher-kva.example",
		"bu\u0308cher.example":         "xn--bcher-kva.example",
		"例え.example":                   "xn--r8jz45g.example",
		"straße.example":               "xn--strae-oqa.example",
		"ａｃｍｅ.example":                 "acme.example",
		"acme。example":                 "acme.example",
		"acme.example。":                "acme.example",
		"127.0.0.1":                    "127.0.0.1",
		"127.0.0.1:9002":               "127.0.0.1",
		"[::1]":                        "[::1]",
		"[::1]:8080":                   "[::1]",
		"[2001:DB8::1]:443":            "[2001:db8::1]",
		"[2001:db8:0:0:0:0:0:1]":       "[2001:db8::1]",
		"[0:0:0:0:0:0:0:1]":            "[::1]",
		"[::ffff:1.2.3.4]":             "[::ffff:1.2.3.4]",
		"api.acme.example:00443":       "api.acme.example",
		"a.b.c.d.e.f.g.h.i.j.k.l.test": "a.b.c.d.e.f.g.h.i.j.k.l.test",

		// No single host.
		"":                              "",
		"a.example,b.example":           "",
		"a.example, b.example":          "",
		"a.example b.example":           "",
		" a.example":                    "",
		"a.example\t":                   "",
		"user@a.example":                "",
		"user:pass@a.example":           "",
		"https://a.example":             "",
		"a.example/":                    "",
		"a.example/path":                "",
		"a.example%2eevil.example":      "",
		"a.example%00":                  "",
		"a.example\x00":                 "",
		"a.example\r\nx":                "",
		"a.example\x7f":                 "",
		"a.example#x":                   "",
		"a.example?x":                   "",
		"a.example\\x":                  "",
		"*.example":                     "",
		"*":                             "",
		".":                             "",
		"..":                            "",
		".example":                      "",
		"a..example":                    "",
		"a.example..":                   "",
		":443":                          "",
		"a.example:":                    "",
		"a.example:x":                   "",
		"a.example:80:80":               "",
		"a.example:65536":               "",
		"a.example:-1":                  "",
		"a.example:000443":              "",
		"::1":                           "",
		"[::1":                          "",
		"[::1]x":                        "",
		"[::1]:":                        "",
		"[::1%eth0]":                    "",
		"[1.2.3.4]":                     "",
		"[a.example]":                   "",
		"[]":                            "",
		label63 + "a.example":           "",
		host253 + "b":                   "",
		"b\xc3.example":                 "",
		"a\u2100.example":               "", // maps to a/c
		"a\uff0eb\uff20c.example":       "", // maps to a.b@c
		"\u200b":                        "",
		strings.Repeat("ü", 600) + ".x": "",
	}
}

func TestNormalizeHost(t *testing.T) {
	table := authorities()
	if len(table) < 60 {
		t.Errorf("the table has %d authorities, want 60 or more", len(table))
	}
	for authority, want := range table {
		got, ok := NormalizeHost(authority)
		if got != want && ok || ok != (want != "") {
			t.Errorf("rule 26: NormalizeHost(%q) = %q, %t, want %q", authority, got, ok, want)
		}
	}
}

func TestNormalizeHostAllocatesNothingForCanonicalNames(t *testing.T) {
	for _, authority := range []string{"api.acme.example", "api.acme.example:443", "api.acme.example.", "127.0.0.1:80", "[2001:db8::1]:443"} {
		if n := testing.AllocsPerRun(100, func() { NormalizeHost(authority) }); n != 0 {
			t.Errorf("NormalizeHost(%q) allocates %v times, want 0", authority, n)
		}
	}
}

// naive is rule 26 without regard to cost, written from the rule.
type naive struct{ port, foreign, name *regexp.Regexp }

func newNaive() naive {
	return naive{
		port:    regexp.MustCompile(`:([0-9]{1,5})$`),
		foreign: regexp.MustCompile(`[^\x00-\x7f]`),
		name:    regexp.MustCompile(`^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$`),
	}
}

func (o naive) host(authority string) string {
	if !utf8.ValidString(authority) || len(authority) > maxAuthority {
		return ""
	}
	if m := o.port.FindStringSubmatch(authority); m != nil && !strings.HasSuffix(authority, "]") {
		if digits := strings.TrimLeft(m[1], "0"); len(digits) == 5 && digits > "65535" {
			return ""
		}
		authority = strings.TrimSuffix(authority, m[0])
	}
	if strings.HasPrefix(authority, "[") && strings.HasSuffix(authority, "]") {
		addr, err := netip.ParseAddr(authority[1 : len(authority)-1])
		if err != nil || addr.Is4() || addr.Zone() != "" {
			return ""
		}
		return "[" + addr.String() + "]"
	}
	host := strings.ToLower(authority)
	if o.foreign.MatchString(authority) {
		var err error
		if host, err = idna.Lookup.ToASCII(authority); err != nil {
			return ""
		}
	}
	host = strings.TrimSuffix(host, ".")
	if len(host) > 253 || !o.name.MatchString(host) {
		return ""
	}
	return host
}

func FuzzNormalizeHost(f *testing.F) {
	for authority := range authorities() {
		f.Add(authority)
	}
	oracle := newNaive()
	f.Fuzz(func(t *testing.T, authority string) {
		got, ok := NormalizeHost(authority)
		if !ok {
			got = ""
		}
		if want := oracle.host(authority); got != want {
			t.Fatalf("NormalizeHost(%q) = %q, the naive reading is %q", authority, got, want)
		}
		if again, _ := NormalizeHost(got); ok && again != got {
			t.Fatalf("canon(canon(%q)) = %q, canon is %q", authority, again, got)
		}
		if strings.ContainsAny(got, "*, @/%") {
			t.Fatalf("NormalizeHost(%q) = %q", authority, got)
		}
	})
}

func TestRequestHost(t *testing.T) {
	for authority, want := range map[string]string{
		"open.test": "open.test", "OPEN.test:8443": "open.test", "[2001:DB8::1]:80": "[2001:db8::1]", "bücher.test": "xn--bcher-kva.test",
		"open.test.": "", "open.test.:80": "", "OPEN.TEST..": "", "[2001:db8:0::1]": "", "": "", "a,b": "",
	} {
		if host, ok := RequestHost(authority); ok != (want != "") || ok && host != want {
			t.Errorf("rule 26: %q is %q, %t; want %q", authority, host, ok, want)
		}
	}
}

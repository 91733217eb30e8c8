package policy

import (
	"strings"
	"testing"
)

// originCase is a value of the Origin header; why is the zero Reason where the
// value is a well-formed tuple origin. The fuzz targets are seeded from the same table.
type originCase struct {
	name, value string
	why         Reason
}

func originCases() []originCase {
	host63 := strings.Repeat("a", 63)
	host253 := strings.Join([]string{host63, host63, host63, strings.Repeat("b", 61)}, ".")
	return []originCase{
		{"rule 11: two lines joined", "https://a.example,https://b.example", OriginMultiple},
		{"rule 11: the same twice", "https://a.example,https://a.example", OriginMultiple},
		{"rule 11: inner space", "https://a.example https://b.example", OriginMultiple},
		{"rule 12: plain", "https://a.example", 0},
		{"rule 12: port", "http://a.example:8080", 0},
		{"rule 12: trailing slash", "https://a.example/", OriginMalformed},
		{"rule 12: path", "https://a.example/x", OriginMalformed},
		{"rule 12: query", "https://a.example?x", OriginMalformed},
		{"rule 12: fragment", "https://a.example#x", OriginMalformed},
		{"rule 12: userinfo", "https://u:p@a.example", OriginMalformed},
		{"rule 12: percent escape", "https://a%2eexample", OriginMalformed},
		{"rule 12: control byte", "https://a.example\x00", OriginMalformed},
		{"rule 12: line break", "https://a.example\r\nx: y", OriginMultiple},
		{"rule 12: backslash", `https://a.example\@b.example`, OriginMalformed},
		{"rule 12: no scheme", "a.example", OriginMalformed},
		{"rule 12: scheme only", "https://", OriginMalformed},
		{"rule 12: one slash", "https:/a.example", OriginMalformed},
		{"rule 12: scheme-relative", "//a.example", OriginMalformed},
		{"rule 12: star", "https://*.a.example", OriginMalformed},
		{"rule 13: the longest name", "https://" + host253 + ":65535", 0},
		{"rule 13: a longer name", "https://a" + host253, OriginMalformed},
		{"rule 13: 326 bytes", strings.Repeat("s", 64) + "://" + host253 + ":65535", 0},
		{"rule 13: 327 bytes", strings.Repeat("s", 65) + "://" + host253 + ":65535", OriginMalformed},
		{"rule 13: commas beyond the bound are not looked for", "https://a.example," + strings.Repeat("a", 326), OriginMalformed},
		{"rule 14: scheme in upper case", "HTTPS://a.example", OriginMalformed},
		{"rule 14: host in upper case", "https://A.example", OriginMalformed},
		{"rule 14: scheme of all alphabets", "a1+-.://a.example", 0},
		{"rule 14: scheme starts with a digit", "1a://a.example", OriginMalformed},
		{"rule 15: underscore", "https://my_app.example", 0},
		{"rule 15: hyphens", "https://-a-.example", 0},
		{"rule 15: single label", "http://localhost", 0},
		{"rule 15: empty label", "https://a..example", OriginMalformed},
		{"rule 15: leading dot", "https://.example", OriginMalformed},
		{"rule 15: label of 64", "https://a" + host63 + ".example", OriginMalformed},
		{"rule 16: A-label", "https://xn--bcher-kva.example", 0},
		{"rule 16: Unicode", "https://bücher.example", OriginMalformed},
		{"rule 17: trailing dot", "https://a.example.", 0},
		{"rule 17: two trailing dots", "https://a.example..", OriginMalformed},
		{"rule 18: IPv4", "http://192.0.2.1", 0},
		{"rule 18: leading zero", "http://192.0.2.01", OriginMalformed},
		{"rule 18: 256", "http://192.0.2.256", OriginMalformed},
		{"rule 18: three parts", "http://192.0.2", OriginMalformed},
		{"rule 18: trailing dot behind IPv4", "http://192.0.2.1.", OriginMalformed},
		{"rule 18: hexadecimal last label", "http://a.0x1f", OriginMalformed},
		{"rule 18: not quite hexadecimal", "http://a.0x1g", 0},
		{"rule 18: numeric last label", "http://a.example.1", OriginMalformed},
		{"rule 18: IPv6", "http://[2001:db8::1]:8080", 0},
		{"rule 18: all zero", "http://[::]", 0},
		{"rule 18: IPv6 in upper case", "http://[2001:DB8::1]", OriginMalformed},
		{"rule 18: IPv6 not shortened", "http://[2001:db8:0:0:0:0:0:1]", OriginMalformed},
		{"rule 18: IPv6 with leading zeros", "http://[2001:0db8::1]", OriginMalformed},
		{"rule 18: one group is not shortened", "http://[2001:db8::1:1:1:1:1]", OriginMalformed},
		{"rule 18: two gaps", "http://[1::2::3]", OriginMalformed},
		{"rule 18: nine groups", "http://[1:2:3:4:5:6:7:8:9]", OriginMalformed},
		{"rule 18: seven groups", "http://[1:2:3:4:5:6:7]", OriginMalformed},
		{"rule 18: zone", "http://[fe80::1%25eth0]", OriginMalformed},
		{"rule 18: mapped", "http://[::ffff:c000:201]", OriginMalformed},
		{"rule 18: mapped, dotted", "http://[::ffff:192.0.2.1]", OriginMalformed},
		{"rule 18: without brackets", "http://2001:db8::1", OriginMalformed},
		{"rule 18: open bracket", "http://[::1", OriginMalformed},
		{"rule 19: port 65536", "https://a.example:65536", OriginMalformed},
		{"rule 19: port 0", "https://a.example:0", OriginMalformed},
		{"rule 19: empty port", "https://a.example:", OriginMalformed},
		{"rule 19: leading zero", "https://a.example:08", OriginMalformed},
		{"rule 19: default port of https", "https://a.example:443", OriginMalformed},
		{"rule 19: default port of http", "http://a.example:80", OriginMalformed},
		{"rule 19: the other default port", "http://a.example:443", 0},
		{"rule 20: null", "null", OriginNull},
		{"rule 20: null has case", "Null", OriginMalformed},
		{"rule 21: file", "file:///etc/passwd", OriginMalformed},
		{"rule 21: file with host", "file://host", OriginMalformed},
		{"rule 21: extension", "chrome-extension://abcdefghijklmnop", 0},
		{"rule 21: app shell", "capacitor://localhost", 0},
	}
}

func TestParseOrigin(t *testing.T) {
	for _, c := range originCases() {
		t.Run(c.name, func(t *testing.T) {
			_, ok := parseOrigin(c.value)
			if ok != (c.why == 0) {
				t.Fatalf("ok is %v", ok)
			}
			if !ok && originFault(c.value) != c.why {
				t.Errorf("reason %v, want %v", originFault(c.value), c.why)
			}
		})
	}
}

// A value that is denied has to be denied by a policy for everybody as well, except null
// (rules 12, 20, 45); one that is well formed is allowed by it.
func TestPublicPolicyReadsOriginToo(t *testing.T) {
	p := mustCompile(t, Spec{Origins: []string{"*"}})
	for _, c := range originCases() {
		r := actualFrom(c.value)
		d := p.Decide(&r)
		want := c.why
		if want == 0 || want == OriginNull {
			want = OriginPublic
		}
		if d.Reason != want {
			t.Errorf("%s: reason %v, want %v", c.name, d.Reason, want)
		}
	}
}

func TestTrimmedOriginIsGranted(t *testing.T) {
	p := mustCompile(t, Spec{Origins: []string{page}})
	r := actualFrom(" " + page + "\t")
	d := p.Decide(&r)
	if _, got := answer(&d, nil); got["access-control-allow-origin"] != page {
		t.Errorf("rule 1: granted %q", got["access-control-allow-origin"])
	}
}

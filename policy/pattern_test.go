package policy

import (
	"fmt"
	"slices"
	"testing"
)

func TestMatchOrigins(t *testing.T) {
	type ask struct {
		origin string
		why    Reason
		entry  int
	}
	for _, c := range []struct {
		name    string
		origins []string
		asks    []ask
	}{
		{"rule 30: exact entries are compared byte for byte", []string{page}, []ask{
			{page, OriginListed, 0},
			{"https://app.acme.examplf", OriginNotListed, -1},
			{"https://app.acme.exampl", OriginNotListed, -1},
			{"https://app.acme.example.evil.example", OriginNotListed, -1},
			{"https://evil-app.acme.example", OriginNotListed, -1},
			{"https://App.acme.example", OriginMalformed, -1},
		}},
		{"rule 31: *. takes whole labels below, never the apex", []string{"https://*.acme.example"}, []ask{
			{"https://a.acme.example", OriginPattern, 0},
			{"https://a.b.acme.example", OriginPattern, 0},
			{"https://acme.example", OriginNotListed, -1},
			{"https://evilacme.example", OriginNotListed, -1},
			{"https://.acme.example", OriginMalformed, -1},
			{"https://a.acme.example.evil.example", OriginNotListed, -1},
			{"https://a.acme.example:8443", OriginNotListed, -1},
			{"http://a.acme.example", OriginNotListed, -1},
		}},
		{"rule 31: *. with a port", []string{"https://*.acme.example:8443"}, []ask{
			{"https://a.acme.example:8443", OriginPattern, 0},
			{"https://a.acme.example", OriginNotListed, -1},
			{"https://a.acme.example:8444", OriginNotListed, -1},
		}},
		{"rule 31: bases of different depth", []string{"https://*.b.acme.example", "https://*.example"}, []ask{
			{"https://a.b.acme.example", OriginPattern, 0},
			{"https://b.acme.example", OriginPattern, 1},
			{"https://x.example", OriginPattern, 1},
			{"https://example", OriginNotListed, -1},
		}},
		{"rule 32: any port or none", []string{"http://localhost:*", "https://*.acme.example:*"}, []ask{
			{"http://localhost", OriginPattern, 0},
			{"http://localhost:3000", OriginPattern, 0},
			{"https://localhost:3000", OriginNotListed, -1},
			{"http://localhost.evil.example", OriginNotListed, -1},
			{"https://a.acme.example:1", OriginPattern, 1},
			{"https://a.acme.example", OriginPattern, 1},
			{"https://acme.example:1", OriginNotListed, -1},
		}},
		{"rule 32: any port of an IPv6 address", []string{"http://[::1]:*"}, []ask{
			{"http://[::1]:3000", OriginPattern, 0},
			{"http://[::1]", OriginPattern, 0},
			{"http://[::2]", OriginNotListed, -1},
		}},
		{"rule 33: no port is the default port", []string{"http://a.example", "http://a.example:8080"}, []ask{
			{"http://a.example", OriginListed, 0},
			{"http://a.example:8080", OriginListed, 1},
			{"http://a.example:8081", OriginNotListed, -1},
			{"http://a.example:80", OriginMalformed, -1},
		}},
		{"rule 34: neither the scheme nor www is implied", []string{"https://a.example"}, []ask{
			{"http://a.example", OriginNotListed, -1},
			{"https://www.a.example", OriginNotListed, -1},
		}},
		{"rule 35: * is every valid origin, and null", []string{"*"}, []ask{
			{"https://a.example", OriginPublic, 0},
			{"chrome-extension://abc", OriginPublic, 0},
			{"null", OriginPublic, 0},
			{"https://a.example/", OriginMalformed, -1},
			{"https://a.example,https://b.example", OriginMultiple, -1},
		}},
		{"rule 35: scheme://* is every host of the scheme", []string{"https://*"}, []ask{
			{"https://a.b.example", OriginPattern, 0},
			{"https://192.0.2.1", OriginPattern, 0},
			{"http://a.b.example", OriginNotListed, -1},
			{"https://a.b.example:8443", OriginNotListed, -1}, // rule 33
			{"null", OriginNull, -1},
		}},
		{"rule 35: scheme://*:* is every port too", []string{"https://*:*"}, []ask{
			{"https://a.b.example:8443", OriginPattern, 0},
			{"https://a.b.example", OriginPattern, 0},
		}},
		{"rules 31, 32, 35: every shape at once", []string{"http://*:8443", "https://*.b.example:*", "https://*.b.example:8443", "https://b.example:*", "http://*.c.b.example", "http://[::1]:*"}, []ask{
			{"http://b.example:8443", OriginPattern, 0},
			{"https://a.b.example:8443", OriginPattern, 1},
			{"https://a.b.example", OriginPattern, 1},
			{"https://b.example:8443", OriginPattern, 3},
			{"http://a.c.b.example", OriginPattern, 4},
			{"http://a.c.b.example:8443", OriginPattern, 0},
			{"http://c.b.example", OriginNotListed, -1},
			{"http://[::1]", OriginPattern, 5},
			{"ftp://a.b.example", OriginNotListed, -1},
		}},
		{"rule 17: a trailing dot matches only an entry with the dot", []string{"https://a.example.", "https://*.b.example", "https://*.c.example."}, []ask{
			{"https://a.example.", OriginListed, 0},
			{"https://a.example", OriginNotListed, -1},
			{"https://x.b.example.", OriginNotListed, -1},
			{"https://x.c.example.", OriginPattern, 2},
			{"https://x.c.example", OriginNotListed, -1},
		}},
		{"rule 21: other schemes match by exact entry", []string{"chrome-extension://abc", "https://*"}, []ask{
			{"chrome-extension://abc", OriginListed, 0},
			{"chrome-extension://abd", OriginNotListed, -1},
		}},
		{"rule 36: the lowest of several entries is reported", []string{"https://*.c.example", "https://*.b.c.example", "https://*.c.example"}, []ask{
			{"https://a.b.c.example", OriginPattern, 0},
		}},
		{"rule 36: an exact entry is reported before any wildcard", []string{"https://*.c.example", "https://b.c.example", "https://b.c.example"}, []ask{
			{"https://b.c.example", OriginListed, 1},
		}},
		{"rule 12: no origin is written as an entry with a star", []string{"https://*.a.example", "http://*.a.example", "https://b.example:*", "https://*", "https://*:8443", page}, []ask{
			{"https://*.a.example", OriginMalformed, -1},
			{"http://*.a.example", OriginMalformed, -1},
			{"https://b.example:*", OriginMalformed, -1},
			{"https://*", OriginMalformed, -1},
			{"https://*:8443", OriginMalformed, -1},
			{"*", OriginMalformed, -1},
			{page, OriginListed, 5},
		}},
		{"rule 20: null is nobody's", []string{page}, []ask{{"null", OriginNull, -1}}},
		{"an empty list allows nobody", nil, []ask{{page, OriginNotListed, -1}}},
	} {
		// Short lists are asked one by one, long ones by maps: the answers are the same.
		for _, origins := range [][]string{c.origins, append(slices.Clone(c.origins), fillers()...)} {
			p := mustCompile(t, Spec{Origins: origins})
			for _, a := range c.asks {
				t.Run(fmt.Sprintf("%s/%s/%d", c.name, a.origin, len(origins)), func(t *testing.T) {
					r := actualFrom(a.origin)
					if d := p.Decide(&r); d.Reason != a.why || d.OriginIndex != a.entry {
						t.Errorf("got %v of entry %d, want %v of entry %d", d.Reason, d.OriginIndex, a.why, a.entry)
					}
				})
			}
		}
	}
}

// fillers are entries that make any list a long one and match nothing else.
func fillers() []string {
	var list []string
	for i := range maxScanned + 1 {
		list = append(list, fmt.Sprintf("filler-%d://x", i))
	}
	return list
}

func TestTemporaryOrigins(t *testing.T) {
	p := mustCompile(t, Spec{
		Origins: []string{page},
		TemporaryOrigins: []TemporaryOrigin{
			{Origin: "https://old.example", ExpiresAt: moment},
			{Origin: "https://old.example", ExpiresAt: moment.Add(100e9)},
			{Origin: "https://*.old.example", ExpiresAt: moment},
			{Origin: "https://a.old.example", ExpiresAt: moment.Add(50e9)},
			{Origin: "https://half.example", ExpiresAt: moment.Add(5e8)},
		},
	})
	now := moment.Unix()
	for _, c := range []struct {
		name, origin string
		now          int64
		why          Reason
		entry        int
	}{
		{"before the end", "https://b.old.example", now - 1, OriginTemporary, 3},
		{"the end itself", "https://b.old.example", now, OriginNotListed, -1},
		{"the latest end of one entry counts", "https://old.example", now + 99, OriginTemporary, 2},
		{"all ends have passed", "https://old.example", now + 100, OriginNotListed, -1},
		{"a wildcard that ended does not hide an entry that has not", "https://a.old.example", now, OriginTemporary, 4},
		{"ends are rounded down", "https://half.example", now, OriginNotListed, -1},
		{"permanent entries stay", page, now + 1e9, OriginListed, 0},
		{"without a clock", "https://old.example", 0, OriginTemporary, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := actualFrom(c.origin)
			r.Now = c.now
			if d := p.Decide(&r); d.Reason != c.why || d.OriginIndex != c.entry {
				t.Errorf("got %v of entry %d, want %v of entry %d", d.Reason, d.OriginIndex, c.why, c.entry)
			}
		})
	}
}

// A temporary "*" grants each origin by name: the answer must not outlive the entry in a
// cache that takes "*" without Vary for static (rule 45).
func TestTemporaryStarIsNotPublic(t *testing.T) {
	p := mustCompile(t, Spec{TemporaryOrigins: []TemporaryOrigin{{Origin: "*", ExpiresAt: moment}}})
	r := actualFrom(page)
	d := p.Decide(&r)
	_, got := answer(&d, nil)
	if got["access-control-allow-origin"] != page || got["vary"] != "Origin" {
		t.Errorf("got %v", got)
	}
	null := actualFrom("null")
	if d := p.Decide(&null); d.Reason != OriginNull {
		t.Errorf("rule 20: null is %v", d.Reason)
	}
}

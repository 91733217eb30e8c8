package policy

import (
	"strings"
	"testing"
	"time"
)

// TestAdvisories asks what was exploited elsewhere. Each case is named for what it
// stands for; all of them must be denied, and nothing may be granted.
func TestAdvisories(t *testing.T) {
	strict := Spec{Origins: []string{"https://example.com", "https://*.trusted.example", "https://foo.com", "https://bar.com"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, Credentials: true}
	for _, c := range []struct {
		name   string
		origin string
		why    Reason
	}{
		{"CVE-2017-20146, CVE-2023-49803, CVE-2026-54290: any origin is reflected", "https://attacker.example", OriginNotListed},
		{"CVE-2019-25211: match by prefix", "https://example.com.attacker.example", OriginNotListed},
		{"CVE-2019-25211: match by prefix, without a dot", "https://example.community", OriginNotListed},
		{"CVE-2022-1996: an unanchored regular expression", "https://example.com.evil", OriginNotListed},
		{"CVE-2022-1996: a dot that is any byte", "https://exampleXcom", OriginMalformed},
		{"CVE-2022-1996: a dot that is any letter", "https://examplexcom", OriginNotListed},
		{"CVE-2023-28109, CVE-2024-27302: match by suffix", "https://evilexample.com", OriginNotListed},
		{"CVE-2024-27302: match by suffix of a wildcard", "https://eviltrusted.example", OriginNotListed},
		{"GHSA-vhxv-fg4m-p2w8, GHSA-v84h-653v-4pq9: two entries make a third", "https://barfoo.com", OriginNotListed},
		{"GHSA-vhxv-fg4m-p2w8: the other way round", "https://foobar.com", OriginNotListed},
		{"CVE-2026-34157: userinfo before the host", "https://example.com@attacker.example", OriginMalformed},
		{"CVE-2026-34157: an unanchored star", "https://x.trusted.example.attacker.example", OriginNotListed},
		{"CVE-2026-37737: a regular expression anchored at the start only", "https://example.com\nattacker", OriginMalformed},
		{"CVE-2024-1681: log injection by Origin", "https://example.com\r\n200-OK", OriginMalformed},
		{"null is trusted", "null", OriginNull},
		{"an escaped slash", `https://attacker.example\.trusted.example`, OriginMalformed},
		{"a path that ends like the base", "https://attacker.example/x.trusted.example", OriginMalformed},
		{"a fragment that ends like the base", "https://attacker.example#x.trusted.example", OriginMalformed},
		{"a label of other bytes below the base", "https://attacker.example`.trusted.example", OriginMalformed},
		{"a second origin that is trusted", "https://attacker.example, https://example.com", OriginMultiple},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustCompile(t, strict)
			for _, r := range []Request{actualFrom(c.origin), preflightFrom(c.origin)} {
				d := p.Decide(&r)
				_, got := answer(&d, leaky())
				if d.Reason != c.why || d.Outcome != Denied || len(cors(got)) > 0 {
					t.Errorf("%v %v with %v", d.Outcome, d.Reason, cors(got))
				}
			}
		})
	}
}

// "*" with credentials does not compile, so it can neither be reflected nor sent.
func TestAdvisoriesAnyOriginWithCredentials(t *testing.T) {
	t.Log("CVE-2018-20744, CVE-2018-8014, CVE-2024-25124, CVE-2025-34291, CVE-2026-44184, GHSA-972r-f3fv-whm3")
	problems := compileProblems(t, Spec{Origins: []string{"*"}, Credentials: true})
	if problems[0].Code != CodeCredentialsAnyOrigin {
		t.Errorf("got %v", problems)
	}
	r := actualFrom(stranger)
	d := mustCompile(t, Spec{Origins: []string{"*"}}).Decide(&r)
	if _, got := answer(&d, leaky()); got["access-control-allow-origin"] != "*" || got["access-control-allow-credentials"] != "" {
		t.Errorf("CVE-2018-20744: got %v", got)
	}
}

func TestAdvisoriesOfOtherKinds(t *testing.T) {
	p := mustCompile(t, Spec{Origins: []string{page}, RequestHeaders: []string{"x-a"}, Methods: []string{"PUT"}})
	t.Run("CVE-2020-5397: a preflight is answered, never forwarded", func(t *testing.T) {
		for _, o := range []string{page, stranger, "null", "x"} {
			r := preflightFrom(o)
			if d := p.Decide(&r); !d.Answered() {
				t.Errorf("%q is forwarded", o)
			}
		}
	})
	t.Run("CVE-2023-35943: the decision outlives a change of the request", func(t *testing.T) {
		r := actualFrom(page)
		d := p.Decide(&r)
		r = Request{}
		if _, got := answer(&d, nil); got["access-control-allow-origin"] != page {
			t.Errorf("rule 22: got %v", got)
		}
	})
	t.Run("CVE-2024-6221: no private network access by default", func(t *testing.T) {
		r := preflightFrom(page)
		r.PrivateNetwork = "true"
		d := p.Decide(&r)
		if _, got := answer(&d, nil); got["access-control-allow-private-network"] != "" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("GHSA-q7jf-gf43-6x6p: Vary holds nothing of the request", func(t *testing.T) {
		r := Request{Method: "OPTIONS", Origin: page, RequestMethod: "PUT", RequestHeaders: "x-a"}
		d := p.Decide(&r)
		if _, got := answer(&d, nil); got["vary"] != varyPreflight {
			t.Errorf("got %q", got["vary"])
		}
	})
	t.Run("GHSA-mh55-gqvf-xfwm, CVE-2026-69207: long lists cost nothing", func(t *testing.T) {
		for _, list := range []string{strings.Repeat(",", 60<<10), strings.Repeat("x-a,", 15<<10), strings.Repeat("\t", 4096), strings.Repeat("x-a,", 16)} {
			r := preflightFrom(page)
			r.RequestHeaders = list
			if n := testing.AllocsPerRun(100, func() { d := p.Decide(&r); sink(&d) }); n > 0 {
				t.Errorf("%d bytes: %v allocations", len(list), n)
			}
		}
		r := preflightFrom(page)
		r.RequestHeaders = strings.Repeat("x-a, ", 1<<20)
		start := time.Now()
		for range 1000 {
			d := p.Decide(&r)
			sink(&d)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("5 MB take %v", took/1000)
		}
	})
}

// No decision allocates, whatever the request (rule 43).
func TestDecideDoesNotAllocate(t *testing.T) {
	p := mustCompile(t, Spec{
		Origins: []string{page, "https://*.site.example", "http://[::1]:*"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"},
		TemporaryOrigins: []TemporaryOrigin{{Origin: "https://*.old.example", ExpiresAt: moment}},
	})
	for _, c := range originCases() {
		for _, r := range []Request{actualFrom(c.value), preflightFrom(c.value)} {
			if n := testing.AllocsPerRun(10, func() { d := p.Decide(&r); sink(&d) }); n > 0 {
				t.Errorf("%s: %v allocations", c.name, n)
			}
		}
	}
	for _, c := range headerCases() {
		r := preflightFrom(page)
		r.RequestHeaders = c.asked
		if n := testing.AllocsPerRun(10, func() { d := p.Decide(&r); sink(&d) }); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

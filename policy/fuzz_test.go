package policy

import (
	"slices"
	"strings"
	"testing"
)

func FuzzOrigin(f *testing.F) {
	for _, c := range originCases() {
		f.Add(c.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		o, ok := parseOrigin(value)
		scheme, host, port, want := naiveOrigin(value)
		if ok != want {
			t.Fatalf("%q: ok is %v, want %v", value, ok, want)
		}
		if ok && (o != origin{scheme, host, port}) {
			t.Fatalf("%q: read as %+v, want %q %q %q", value, o, scheme, host, port)
		}
		if ok && !isFieldValue(value) {
			t.Fatalf("%q is valid and cannot be sent", value)
		}
	})
}

// FuzzPattern compiles the lines of list that are entries and asks them about value.
func FuzzPattern(f *testing.F) {
	f.Add("https://*.acme.example\nhttps://acme.example", "https://x.acme.example")
	f.Add("https://foo.com\nhttps://bar.com", "https://barfoo.com")
	f.Add("https://*.foo.com\nhttps://*.bar.com:*", "https://a.barfoo.com")
	f.Add("http://localhost:*\nhttps://*\nhttp://*:8080", "http://localhost:8080")
	f.Add("*", "null")
	f.Add("http://[::1]:*", "http://[::1]:3000")
	f.Fuzz(func(t *testing.T, list, value string) {
		var entries []string
		for e := range strings.SplitSeq(list, "\n") {
			if _, ok := parsePattern(e); ok {
				entries = append(entries, e)
				continue
			}
			if fix := canonicalEntry(e); fix != "" {
				entries = append(entries, fix) // a fix is an entry, or Compile fails below
			}
		}
		if len(entries) > 50 {
			t.Skip()
		}
		p := mustCompile(t, Spec{Origins: entries})
		r := Request{Method: "GET", Origin: value}
		d := p.Decide(&r)
		want := naiveAllows(entries, value)
		if got := d.Outcome == Allowed; got != want && d.Kind == Actual {
			t.Fatalf("%q of %q: allowed %v (%v), want %v", value, entries, got, d.Reason, want)
		}
		long := mustCompile(t, Spec{Origins: append(slices.Clone(entries), fillers()...)}).Decide(&r)
		if !strings.HasPrefix(value, "filler") && (long.Outcome != d.Outcome || long.Reason != d.Reason || long.OriginIndex != d.OriginIndex) {
			t.Fatalf("%v of entry %d, in a long list %v of entry %d", d.Reason, d.OriginIndex, long.Reason, long.OriginIndex)
		}
		slices.Reverse(entries)
		e := mustCompile(t, Spec{Origins: entries}).Decide(&r)
		if e.Outcome != d.Outcome || e.Reason != d.Reason {
			t.Fatalf("rule 36: %v, reversed %v", d.Reason, e.Reason)
		}
	})
}

func FuzzHeaderList(f *testing.F) {
	for _, c := range headerCases() {
		f.Add(c.asked)
	}
	listed := []string{"x-a", "x-b", "content-type", "authorization"}
	strict := mustCompile(f, Spec{RequestHeaders: listed})
	star := mustCompile(f, Spec{RequestHeaders: []string{"*"}, Credentials: true})
	f.Fuzz(func(t *testing.T, value string) {
		for _, c := range []struct {
			p    *Policy
			star bool
		}{{strict, false}, {star, true}} {
			why, _, ok := c.p.checkHeaders(value)
			if want := naiveHeaders(listed, c.star, value); why != want || ok != (want == 0) {
				t.Fatalf("%q: %v, %v; want %v", value, why, ok, want)
			}
		}
		if _, _, ok := star.checkHeaders(value); !ok {
			return
		}
		got := echoNames(value)
		if want := naiveEcho(value); got != want || got != "" && !isFieldValue(got) {
			t.Fatalf("%q: echoed %q, want %q", value, got, want)
		}
	})
}

func FuzzVary(f *testing.F) {
	for _, v := range []string{"", "Origin", "*", "Accept, *", "accept-encoding,,Accept", "X-Origin", "a b", "\x80, b"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, upstream string) {
		got, changed := mergeVary(upstream)
		if want := naiveVary(upstream); got != want || changed != (want != upstream) {
			t.Fatalf("%q: %q, %v; want %q", upstream, got, changed, want)
		}
		if changed && !isFieldValue(got) {
			t.Fatalf("%q: %q cannot be sent", upstream, got)
		}
		if again, more := mergeVary(got); more || again != got {
			t.Fatalf("%q merges again to %q", got, again)
		}
	})
}

// FuzzDecide holds the properties of every decision, whatever comes in.
func FuzzDecide(f *testing.F) {
	f.Add(uint16(0), "OPTIONS", page, "PUT", "x-a", "Accept")
	f.Add(uint16(0xffff), "POST", stranger, "", "", "*")
	f.Add(uint16(3), "OPTIONS", "https://x.site.example:8443", "tRACE", "x-a,, X-B", "")
	f.Fuzz(func(t *testing.T, knobs uint16, method, from, asked, names, vary string) {
		spec := fuzzSpec(knobs)
		p := mustCompile(t, spec)
		r := Request{Method: method, Scheme: "https", Authority: "api.acme.example", Origin: from, RequestMethod: asked, RequestHeaders: names, PrivateNetwork: "true", WebSocket: knobs&0x8000 != 0}
		d := p.Decide(&r)
		slices.Reverse(spec.Origins)
		if e := mustCompile(t, spec).Decide(&r); e.Outcome != d.Outcome || e.Reason != d.Reason {
			t.Fatalf("rule 36: %v %v, reversed %v %v", d.Outcome, d.Reason, e.Outcome, e.Reason)
		}
		checkProperties(t, p, &r, &d, vary)
	})
}

func fuzzSpec(knobs uint16) Spec {
	on := func(bit int) bool { return knobs>>bit&1 != 0 }
	s := Spec{
		Origins: []string{page, "https://*.site.example:*", "http://localhost:*"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a", "x-b"},
		Credentials: on(0), BlockDenied: on(1), EnforceWebSockets: on(2), PrivateNetworkAccess: on(3), TimingAllowOrigin: on(4),
	}
	s.Preflight.Minimal = on(5)
	if on(6) {
		s.Methods, s.RequestHeaders, s.ExposeHeaders = []string{"*"}, []string{"*"}, []string{"*"}
	}
	if on(7) {
		s.Preflight.DebugUntil = moment
	}
	if on(8) && !s.Credentials {
		s.Origins = append(s.Origins, "*")
	}
	if on(9) {
		s.UpstreamHeaders = Fill
	}
	return s
}

// checkProperties: denied means no CORS header at all; a grant names the origin of the
// request or everybody, never another; every value can stand in a header.
func checkProperties(t *testing.T, p *Policy, r *Request, d *Decision, vary string) {
	t.Helper()
	app := leaky()
	if vary != "" {
		app["vary"] = vary
	}
	_, got := answer(d, app)
	touched := d.Kind != WebSocket && d.Kind != Exempt
	debug := d.action == actDebug
	if d.Outcome != Allowed && touched && !debug && !p.public && len(cors(got)) > 0 {
		t.Fatalf("rule 63: %v %v lets %v out", d.Outcome, d.Reason, cors(got))
	}
	if d.Outcome == Denied && touched && !debug && len(cors(got)) > 0 {
		t.Fatalf("rules 55, 63: denied %v lets %v out", d.Reason, cors(got))
	}
	if d.Outcome == Allowed && touched && d.Reason != OriginSame {
		want := strings.Trim(r.Origin, " \t")
		if p.public {
			want = "*"
		}
		if got["access-control-allow-origin"] != want {
			t.Fatalf("rule 48: %q granted to %q", got["access-control-allow-origin"], want)
		}
	}
	if got["access-control-allow-origin"] == "*" && got["access-control-allow-credentials"] != "" && touched {
		t.Fatal("rule 49: credentials for everybody")
	}
	for name, value := range got {
		if (strings.HasPrefix(name, "access-control-") || value != vary) && touched && !isFieldValue(value) {
			t.Fatalf("%s: %q cannot be sent", name, value)
		}
	}
}

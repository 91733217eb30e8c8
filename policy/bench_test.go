package policy

import (
	"fmt"
	"strings"
	"testing"
)

// listOf returns n exact entries with a few wildcards among the last of them.
func listOf(n int) []string {
	entries := []string{"https://app.acme.example"}
	for i := 1; i < n; i++ {
		entries = append(entries, fmt.Sprintf("https://tenant-%d.partner.example", i))
	}
	return entries
}

func mustCompile(tb testing.TB, spec Spec) *Policy {
	tb.Helper()
	p, err := Compile(spec)
	if err != nil {
		tb.Fatalf("compiling: %v", err)
	}
	return p
}

func actualFrom(origin string) Request {
	return Request{Method: "GET", Scheme: "https", Authority: "api.acme.example", Origin: origin}
}

func preflightFrom(origin string) Request {
	r := actualFrom(origin)
	r.Method, r.RequestMethod = "OPTIONS", "PUT"
	return r
}

func benchDecide(b *testing.B, p *Policy, r Request, want Reason) {
	b.Helper()
	if d := p.Decide(&r); d.Reason != want {
		b.Fatalf("reason %v, want %v", d.Reason, want)
	}
	b.ReportAllocs()
	for b.Loop() {
		d := p.Decide(&r)
		sink(&d)
	}
}

//go:noinline
func sink(*Decision) {}

// BenchmarkDecide must stay at 100 ns without allocation for each of these.
func BenchmarkDecide(b *testing.B) {
	const listed, unlisted = "https://app.acme.example", "https://app.evil.example"
	for _, n := range []int{1, 8, maxScanned, 100, 10_000} {
		p := mustCompile(b, Spec{Origins: listOf(n), Methods: []string{"PUT"}, Credentials: true})
		for _, c := range []struct {
			name string
			r    Request
			want Reason
		}{
			{"actual/listed", actualFrom(listed), OriginListed},
			{"actual/unlisted", actualFrom(unlisted), OriginNotListed},
			{"preflight/listed", preflightFrom(listed), OriginListed},
			{"preflight/unlisted", preflightFrom(unlisted), OriginNotListed},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) { benchDecide(b, p, c.r, c.want) })
		}
	}
}

// BenchmarkDecideWildcard asks policies that also hold 100 wildcards.
func BenchmarkDecideWildcard(b *testing.B) {
	entries := listOf(100)
	for i := range 100 {
		entries = append(entries, fmt.Sprintf("https://*.site-%d.example", i))
	}
	p := mustCompile(b, Spec{Origins: entries, Methods: []string{"PUT"}, Credentials: true})
	b.Run("exact", func(b *testing.B) { benchDecide(b, p, actualFrom("https://app.acme.example"), OriginListed) })
	b.Run("below", func(b *testing.B) { benchDecide(b, p, actualFrom("https://a.site-7.example"), OriginPattern) })
	b.Run("unlisted", func(b *testing.B) { benchDecide(b, p, actualFrom("https://app.evil.example"), OriginNotListed) })
	long := "https://" + strings.Repeat("a.", 120) + "evil.example"
	b.Run("120 labels", func(b *testing.B) { benchDecide(b, p, actualFrom(long), OriginNotListed) })
}

// BenchmarkDecideHostileOrigin sends what no browser sends.
func BenchmarkDecideHostileOrigin(b *testing.B) {
	p := mustCompile(b, Spec{Origins: listOf(100)})
	for _, c := range []struct {
		name, origin string
		want         Reason
	}{
		{"9 KB", "https://" + strings.Repeat("a", 9<<10), OriginMalformed},
		{"60 KB", "https://" + strings.Repeat("a.", 30<<10), OriginMalformed},
		{"60 KB of blanks", strings.Repeat(" ", 60<<10), OriginMalformed},
		{"326 bytes", "https://" + strings.Repeat("a", 318), OriginMalformed},
		{"joined", "https://app.acme.example,https://app.acme.example", OriginMultiple},
	} {
		b.Run(c.name, func(b *testing.B) { benchDecide(b, p, actualFrom(c.origin), c.want) })
	}
}

// BenchmarkDecideHostileHeaders must stay at 200 ns without allocation for each of these.
func BenchmarkDecideHostileHeaders(b *testing.B) {
	names := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("x-%03d", i)
		}
		return strings.Join(list, ",")
	}
	strict := mustCompile(b, Spec{Origins: listOf(1), Methods: []string{"PUT"}, RequestHeaders: []string{"content-type", "authorization"}})
	listing := mustCompile(b, Spec{Origins: listOf(1), Methods: []string{"PUT"}, RequestHeaders: strings.Split(names(100), ",")})
	for _, c := range []struct {
		name   string
		p      *Policy
		header string
		want   Reason
	}{
		{"60 KB of commas", strict, strings.Repeat(",", 60<<10), HeadersOversize},
		{"4 KB of commas", strict, strings.Repeat(",", 4<<10), HeadersOversize},
		{"10000 names", strict, names(10_000), HeadersOversize},
		{"64 unlisted names", strict, names(64), HeadersNotListed},
		{"64 listed names", listing, names(64), OriginListed},
		{"non-token", strict, "content-type,authorization,x@y", HeadersMalformed},
		{"4 KB non-token", strict, strings.Repeat("\x80", 4<<10), HeadersMalformed},
		{"17 empties", strict, strings.Repeat(" ,", 17), HeadersOversize},
	} {
		r := preflightFrom("https://app.acme.example")
		r.RequestHeaders = c.header
		b.Run(c.name, func(b *testing.B) { benchDecide(b, c.p, r, c.want) })
	}
}

// BenchmarkReply builds answers from scratch, which the serving side does once a [Key].
func BenchmarkReply(b *testing.B) {
	p := mustCompile(b, Spec{Origins: listOf(1), Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, Credentials: true})
	star := mustCompile(b, Spec{Origins: listOf(1), Methods: []string{"*"}, RequestHeaders: []string{"*"}, Credentials: true})
	r := preflightFrom("https://app.acme.example")
	r.RequestHeaders = "x-a"
	for name, p := range map[string]*Policy{"listed": p, "echo": star} {
		b.Run(name, func(b *testing.B) {
			d := p.Decide(&r)
			headers := make([]Header, 0, 8)
			b.ReportAllocs()
			for b.Loop() {
				_, headers = d.AppendReply(headers[:0])
			}
		})
	}
}

// BenchmarkEdits is the response phase.
func BenchmarkEdits(b *testing.B) {
	p := mustCompile(b, Spec{Origins: listOf(1), ExposeHeaders: []string{"x-request-id"}, Credentials: true})
	r := actualFrom("https://app.acme.example")
	d := p.Decide(&r)
	up := Upstream{AllowOrigin: "*", HasCORS: true, Vary: "Accept-Encoding, Origin"}
	var e Edits
	b.ReportAllocs()
	for b.Loop() {
		d.AppendEdits(&e, &up)
	}
}

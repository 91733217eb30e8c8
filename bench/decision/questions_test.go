package decision

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// question is one request to one policy.
type question struct {
	name   string
	policy string // a name of specs
	r      policy.Request
	// want is the answer of this project.
	want policy.Outcome
	// apart says why rs/cors answers otherwise; "" when both say the same.
	apart string
}

func actual(name, about, origin string, want policy.Outcome) question {
	return question{name: name, policy: about, want: want, r: policy.Request{Method: "GET", Scheme: "https", Authority: hostOf(about), Origin: origin}}
}

func preflight(name, origin, method, headers string, want policy.Outcome) question {
	q := actual(name, "small", origin, want)
	q.r.Method, q.r.RequestMethod, q.r.RequestHeaders = "OPTIONS", method, headers
	return q
}

func questions() []question {
	return append(append(plain(), atLength()...), hostile()...)
}

// plain is what browsers send.
func plain() []question {
	return []question{
		actual("no-origin", "small", "", policy.Passthrough),
		actual("actual-allowed", "small", listed, policy.Allowed),
		actual("actual-denied", "small", unlisted, policy.Denied),
		actual("actual-public", "any", unlisted, policy.Allowed),
		actual("actual-subdomain", "small", "https://pr-17.preview.acme.example", policy.Allowed),
		preflight("preflight-headers-0", listed, "PUT", "", policy.Allowed),
		preflight("preflight-headers-1", listed, "PUT", strings.Join(requestHeaders(1), ","), policy.Allowed),
		preflight("preflight-headers-8", listed, "PUT", strings.Join(requestHeaders(8), ","), policy.Allowed),
		preflight("preflight-denied-origin", unlisted, "PUT", "authorization", policy.Denied),
		preflight("preflight-denied-method", listed, "PATCH", "authorization", policy.Denied),
		preflight("preflight-denied-header", listed, "PUT", "authorization,x-unlisted", policy.Denied),
	}
}

// atLength asks policies with many entries.
func atLength() []question {
	return []question{
		actual("origins-10000-first", "large", "https://shop-00000.customers.example", policy.Allowed),
		actual("origins-10000-last", "large", "https://shop-09999.customers.example", policy.Allowed),
		actual("origins-10000-denied", "large", "https://shop-10000.customers.example", policy.Denied),
		actual("wildcards-100-first", "wild", "https://a.site-0.example", policy.Allowed),
		actual("wildcards-100-last", "wild", "https://a.site-99.example", policy.Allowed),
		actual("wildcards-100-denied", "wild", unlisted, policy.Denied),
		actual("miss-no-dot", "wild", "https://evilsite-99.example", policy.Denied),
		actual("miss-apex", "wild", "https://site-99.example", policy.Denied),
		actual("miss-scheme", "wild", "http://a.site-99.example", policy.Denied),
		actual("miss-port", "wild", "https://a.site-99.example:8443", policy.Denied),
		actual("miss-longer", "wild", "https://a.site-99.example.evil.example", policy.Denied),
	}
}

// hostile is what no browser sends.
func hostile() []question {
	const (
		value = 60 << 10 // about what Envoy lets through
		below = ".preview.acme.example"
		outof = ".evil.example"
	)
	var distinct strings.Builder
	distinct.WriteString(strings.Join(requestHeaders(8), ","))
	for i := 0; distinct.Len() < value; i++ {
		fmt.Fprintf(&distinct, ",x-zz-%05d", i)
	}
	flood := func(name, headers string) question { return preflight(name, listed, "PUT", headers, policy.Denied) }
	from := func(name, origin string, want policy.Outcome) question { return actual(name, "small", origin, want) }
	all := []question{
		flood("flood-repeated", strings.TrimSuffix(strings.Repeat("x-trace,", value/8), ",")),
		flood("flood-distinct", distinct.String()),
		flood("flood-commas", strings.Repeat(",", value)),
		flood("flood-blanks", strings.Repeat(" ", value)+"x-trace"),
		flood("flood-one-name", strings.Repeat("x", value)),
		from("origin-8k", "https://"+strings.Repeat("a", 8<<10)+outof, policy.Denied),
		from("origin-8k-dots", "https://"+strings.Repeat(".", 8<<10)+outof, policy.Denied),
		from("origin-labels-115", "https://"+strings.Repeat("a.", 115)+outof[1:], policy.Denied),
		from("origin-labels-115-allowed", "https://"+strings.Repeat("a.", 115)+below[1:], policy.Allowed),
	}
	apart := []struct {
		question
		why string
	}{
		{from("origin-8k-below", "https://"+strings.Repeat("a", 8<<10)+below, policy.Denied), "rule 13: no host is that long; rs/cors compares ends"},
		{from("origin-8k-dots-below", "https://"+strings.Repeat(".", 8<<10)+below[1:], policy.Denied), "rule 12: this is no host; rs/cors compares ends"},
		{floodOfAny(distinct.String()), "rule 43: the list is bounded for * too; rs/cors echoes all of it"},
	}
	for _, a := range apart {
		a.apart = a.why
		all = append(all, a.question)
	}
	return all
}

// floodOfAny asks for every header of a policy that allows every header.
func floodOfAny(headers string) question {
	q := actual("flood-any", "any", listed, policy.Denied)
	q.r.Method, q.r.RequestMethod, q.r.RequestHeaders = "OPTIONS", "PUT", headers
	return q
}

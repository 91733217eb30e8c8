package decision

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
)

const (
	listed   = "https://app.acme.example"
	unlisted = "https://app.evil.example"
)

// specs are the policies that questions are about, by name.
func specs() map[string]policy.Spec {
	all := map[string]policy.Spec{
		"small": {Origins: append(names(6, "https://site-%d.acme.example"), listed, "https://*.preview.acme.example")},
		"wild":  {Origins: append(append(names(100, "https://*.site-%d.example"), names(10, "https://page-%d.acme.example")...), listed)},
		"large": {Origins: names(10_000, "https://shop-%05d.customers.example")},
		"any":   {Origins: []string{"*"}},
	}
	for name, s := range all {
		s.Methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE"} // rs/cors needs the first three
		s.RequestHeaders = requestHeaders(8)
		s.ExposeHeaders = []string{"x-request-id"}
		s.MaxAge = new(10 * time.Minute)
		s.Credentials = name != "any"
		if name == "any" {
			s.RequestHeaders = []string{"*"}
		}
		all[name] = s
	}
	return all
}

// requestHeaders are the first n names of those that policies list, as browsers sort them.
func requestHeaders(n int) []string {
	return []string{"authorization", "content-type", "if-match", "x-api-version", "x-client", "x-csrf-token", "x-request-id", "x-trace"}[:n]
}

// names gives n strings that differ by a number.
func names(n int, format string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return all
}

func compile(tb testing.TB, s policy.Spec) *policy.Policy {
	tb.Helper()
	p, err := policy.Compile(s)
	if err != nil {
		tb.Fatalf("compiling: %v", err)
	}
	return p
}

// document is a tenant document, as a store holds it.
type document struct {
	id, host string
	text     []byte
}

func documentOf(tb testing.TB, id, host string, s policy.Spec) document {
	tb.Helper()
	fields := map[string]any{
		"origins": s.Origins, "methods": s.Methods, "request_headers": s.RequestHeaders,
		"expose_headers": s.ExposeHeaders, "credentials": s.Credentials,
	}
	if s.MaxAge != nil {
		fields["max_age"] = strconv.Itoa(int(s.MaxAge.Seconds())) + "s"
	}
	text, err := json.Marshal(map[string]any{"id": id, "hosts": []string{host}, "policy": fields})
	if err != nil {
		tb.Fatalf("writing a document: %v", err)
	}
	return document{id: id, host: host, text: text}
}

// hostOf is the host of the tenant with a policy of [specs].
func hostOf(name string) string { return "api." + name + ".example" }

// documents are the tenants of [specs] among a thousand others.
func documents(tb testing.TB) []document {
	tb.Helper()
	all := population{tenants: 1000, origins: 5}.documents()
	for name, s := range specs() {
		all = append(all, documentOf(tb, name, hostOf(name), s))
	}
	return all
}

// population is many tenants of which each lists origins of its own.
type population struct {
	tenants, origins int
	// large is how many of them, the first ones, list largeOrigins.
	large int
}

const largeOrigins = 10_000

func (p population) host(i int) string { return fmt.Sprintf("api.customer-%06d.example", i) }

func (p population) origin(i, k int) string {
	return fmt.Sprintf("https://app-%05d.customer-%06d.example", k, i)
}

// document is written by hand, since a hundred thousand of them are.
func (p population) document(i int) document {
	n := p.origins
	if i < p.large {
		n = largeOrigins
	}
	id := fmt.Sprintf("customer-%06d", i)
	var text strings.Builder
	fmt.Fprintf(&text, `{"id":%q,"hosts":[%q],"policy":{"origins":[`, id, p.host(i))
	for k := range n {
		if k > 0 {
			text.WriteByte(',')
		}
		text.WriteByte('"')
		text.WriteString(p.origin(i, k))
		text.WriteByte('"')
	}
	text.WriteString(`],"methods":["PUT","DELETE"],"request_headers":["content-type","authorization"],"expose_headers":["x-request-id"],` +
		`"credentials":true,"max_age":"600s"},"revision":"12","updated_at":"2026-11-23T09:00:00Z","updated_by":"deploy"}`)
	return document{id: id, host: p.host(i), text: []byte(text.String())}
}

func (p population) documents() []document {
	all := make([]document, p.tenants)
	for i := range all {
		all[i] = p.document(i)
	}
	return all
}

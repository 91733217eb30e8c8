package main

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/bench/seed"
	"github.com/corsgate/corsgate/internal/redistest"
)

// tenants are n tenants; the first is the one that contenders are asked about.
type tenants struct {
	n int
	// origins of each tenant beside the three that it has in any case.
	origins int
}

func idOf(i int) string { return fmt.Sprintf("tenant-%07d", i) }

// hostOf is the host of tenant i.
func hostOf(i int) string {
	if i == 0 {
		return host
	}
	return fmt.Sprintf("api.t%07d.example", i)
}

// document is what an operator would have written: the same policy for everybody, so that the
// answers are the same for every host.
func (t tenants) document(i int) []byte {
	var more strings.Builder
	for k := range t.origins {
		fmt.Fprintf(&more, `"https://shop-%05d.customers.example",`, k)
	}
	return fmt.Appendf(nil, `{"id":%q,"hosts":[%q],"labels":{"tier":"gold"},"policy":{"origins":[%s"https://www.acme.example",%q,`+
		`"https://*.preview.acme.example"],"methods":["PUT","DELETE"],"request_headers":["content-type","authorization"],`+
		`"expose_headers":["x-request-id"],"credentials":true,"max_age":"600s"},"revision":"1","updated_at":"2026-11-01T00:00:00Z","updated_by":"bench"}`,
		idOf(i), hostOf(i), more.String(), allowedOrigin)
}

// redis starts a server with these tenants and returns its URL.
func (l *lab) redis(t tenants) string {
	s := redistest.Start(l.tb, redistest.Options{})
	l.check(seed.Fill(l.tb.Context(), s, t.n, func(i int) seed.Tenant {
		return seed.Tenant{ID: idOf(i), Host: hostOf(i), Document: t.document(i)}
	}), "setting up")
	return s.URL()
}

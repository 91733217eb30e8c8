package main

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// tenants are n tenants; the first is the one that contenders are asked about.
type tenants struct {
	n int
	// origins of each tenant beside the three that it has in any case.
	origins int
}

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
	return fmt.Appendf(nil, `{"id":"tenant-%07d","hosts":[%q],"labels":{"tier":"gold"},"policy":{"origins":[%s"https://www.acme.example",%q,`+
		`"https://*.preview.acme.example"],"methods":["PUT","DELETE"],"request_headers":["content-type","authorization"],`+
		`"expose_headers":["x-request-id"],"credentials":true,"max_age":"600s"},"revision":"1","updated_at":"2026-11-01T00:00:00Z","updated_by":"bench"}`,
		i, hostOf(i), more.String(), allowedOrigin)
}

// redis starts a server with these tenants and returns its URL.
func (l *lab) redis(t tenants) string {
	const prefix, batch = redisstore.DefaultPrefix, 1000
	s := redistest.Start(l.tb, redistest.Options{})
	c := s.Admin()
	for from := 0; from < t.n; from += batch {
		pipe := c.Pipeline()
		for i := from; i < min(from+batch, t.n); i++ {
			id := fmt.Sprintf("tenant-%07d", i)
			pipe.Set(l.tb.Context(), prefix+"tenant:"+id, t.document(i), 0)
			pipe.Set(l.tb.Context(), prefix+"host:"+hostOf(i), id, 0)
		}
		_, err := pipe.Exec(l.tb.Context())
		l.check(err, "filling the registry")
	}
	s.Do("XADD", prefix+"changes", "*", "tenant", "tenant-0000000", "kind", "apply")
	l.check(c.HSet(l.tb.Context(), prefix+"meta", "epoch", "bench", "schema", "1").Err(), "filling the registry")
	return s.URL()
}

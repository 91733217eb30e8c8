package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/corsgate/corsgate/bench/seed"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

const prefix = redisstore.DefaultPrefix

func tenantID(i int) string   { return fmt.Sprintf("tenant-%07d", i) }
func tenantHost(i int) string { return fmt.Sprintf("api.t%07d.example", i) }

// listed is an origin of tenant i, in every revision.
func listed(i int) string { return fmt.Sprintf("https://app.t%07d.example", i) }

// document has 8 origins, and extra ones.
func document(i int, extra string) []byte {
	n := fmt.Sprintf("t%07d.example", i)
	if extra != "" {
		extra = `,"` + extra + `"`
	}
	return fmt.Appendf(nil, `{"id":%q,"hosts":[%q],"policy":{"origins":["https://app.%[3]s","https://www.%[3]s","https://admin.%[3]s",`+
		`"https://*.preview.%[3]s","https://a.%[3]s","https://b.%[3]s","https://c.%[3]s","http://localhost:*"%[4]s],`+
		`"methods":["GET","PUT","DELETE"],"request_headers":["content-type","authorization"],"expose_headers":["x-request-id"],`+
		`"credentials":true,"max_age":"600s"},"revision":"1","updated_at":"2026-11-01T00:00:00Z","updated_by":"bench"}`,
		tenantID(i), tenantHost(i), n, extra)
}

func (b *bench) fill(s *redistest.Server, n int) {
	b.check(seed.Fill(b.ctx, s, n, func(i int) seed.Tenant {
		return seed.Tenant{ID: tenantID(i), Host: tenantHost(i), Document: document(i, "")}
	}), "setting up")
}

// write replaces a document by a foreign program's transaction.
func (b *bench) write(s *redistest.Server, i int, extra string) {
	pipe := s.Admin().TxPipeline()
	pipe.Set(b.ctx, prefix+"tenant:"+tenantID(i), document(i, extra), 0)
	pipe.Do(b.ctx, "XADD", prefix+"changes", "*", "tenant", tenantID(i), "kind", "apply")
	_, err := pipe.Exec(b.ctx)
	b.check(err, "writing a document")
}

// open connects to a Redis URL.
func (b *bench) open(rawURL string) *redisstore.Store {
	u, err := url.Parse(rawURL)
	b.check(err, "reading the URL")
	s, err := redisstore.New(redisstore.Options{Addresses: []string{u.Host}})
	b.check(err, "connecting")
	b.tb.Cleanup(func() { _ = s.Close() })
	return s
}

// mirrorOf starts a mirror and returns it with the function that stops it.
func (b *bench) mirrorOf(rawURL string, change func(*mirror.Options)) (*mirror.Mirror, func()) {
	opt := mirror.Options{Reader: b.open(rawURL)}
	if change != nil {
		change(&opt)
	}
	m, err := mirror.New(opt)
	b.check(err, "making a mirror")
	ctx, cancel := context.WithCancel(b.ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = m.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); done.Wait() })
	b.tb.Cleanup(stop)
	b.until("the mirror follows", 60*time.Second, func() bool { s := m.Status(); return s.Ready && s.Following })
	return m, stop
}

// until waits for a condition.
func (b *bench) until(what string, limit time.Duration, ok func() bool) time.Duration {
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit || b.ctx.Err() != nil {
			b.tb.Fatalf("waiting in vain until %s", what)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Since(began)
}

// ask looks a host up, and returns how long that took.
func ask(m *mirror.Mirror, host string) (tenant.View, time.Duration) {
	began := time.Now()
	v := m.Lookup(context.Background(), tenant.Key{Authority: host, Path: "/"})
	return v, time.Since(began)
}

// allows decides an actual request.
func allows(v *tenant.View, host, origin string) bool {
	r := policy.Request{Method: "GET", Scheme: "https", Authority: host, Origin: origin}
	res := v.Decide(&r, policy.UnknownRefuse)
	return res.Outcome == policy.Allowed
}

// quantile of durations, in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[min(len(all)-1, int(q*float64(len(all))))]) / float64(time.Millisecond)
}

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
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
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

// replicaOf starts a replica and returns it with the function that stops it.
func (b *bench) replicaOf(rawURL string, change func(*replica.Options)) (*replica.Replica, func()) {
	opt := replica.Options{Source: b.open(rawURL)}
	if change != nil {
		change(&opt)
	}
	r, err := replica.New(opt)
	b.check(err, "making a replica")
	stop := b.run(r.Run)
	b.until("the replica follows", 60*time.Second, func() bool { s := r.Status(); return s.Ready && s.Following })
	return r, stop
}

// onDemandOf is the same for a registry that loads what it is asked for.
func (b *bench) onDemandOf(rawURL string) (*ondemand.Registry, func()) {
	r, err := ondemand.New(ondemand.Options{Source: b.open(rawURL)})
	b.check(err, "making a registry")
	stop := b.run(r.Run)
	b.until("the registry follows", 60*time.Second, func() bool { s := r.Status(); return s.Ready && s.Following })
	return r, stop
}

// run runs a registry until the function is called.
func (b *bench) run(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	b.tb.Cleanup(stop)
	return stop
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
func ask(r tenant.Registry, host string) (tenant.View, time.Duration) {
	began := time.Now()
	v := r.Lookup(context.Background(), tenant.Key{Authority: host, Path: "/"})
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

package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// redisSettings are a configuration on ports of the system's choice, with the tenants in the Redis at url.
func redisSettings(t *testing.T, url string) config.Serve {
	t.Helper()
	return config.Serve{
		Redis: config.Redis{URL: url, Prefix: config.DefaultRedisPrefix}, Stored: config.Stored{StateDir: filepath.Join(t.TempDir(), "state")},
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		UnknownTenant: "refuse", StopTimeout: time.Second,
	}
}

// openStore is the Redis that r names, for the test to write to.
func openStore(t *testing.T, r config.Redis) *redisstore.Store {
	t.Helper()
	s, err := OpenRedis(r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// apply writes the tenant acme, which allows origin, as revision base+1.
func apply(t *testing.T, s store.Writer, origin string, base int64) {
	t.Helper()
	doc, err := document.Parse("acme.yaml", fmt.Appendf(nil, acme, origin))
	if err != nil {
		t.Fatal(err)
	}
	edit := store.Edit{ID: "acme", Tenant: doc.Tenant, Base: base}
	if _, err := s.Apply(t.Context(), []store.Edit{edit}, store.Author{By: "test", Kind: store.KindApply}); err != nil {
		t.Fatal(err)
	}
}

const (
	oldOrigin = "https://old.acme.example"
	newOrigin = "https://new.acme.example"
)

func TestTenantsFromRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	cfg := redisSettings(t, server.URL())
	s := openStore(t, cfg.Redis)
	apply(t, s, oldOrigin, 0)
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	if got := preflight(t, conn, oldOrigin); got != 204 {
		t.Fatalf("preflight: %d, want 204", got)
	}

	began := time.Now()
	apply(t, s, newOrigin, 1)
	await(t, "the change is live", func() bool { return preflight(t, conn, newOrigin) == 204 })
	t.Logf("the change was live after %s", time.Since(began).Round(time.Millisecond))
	if got := preflight(t, conn, oldOrigin); got != 403 {
		t.Errorf("preflight from the origin that was removed: %d, want 403", got)
	}
	if code, r := p.readyz(t); code != http.StatusOK || r.Tenants != 1 || r.Redis == nil || !r.Redis.Following || !r.Redis.Primed || r.Redis.Epoch == "" {
		t.Errorf("readiness: %d %+v %+v", code, r, r.Redis)
	}

	server.Kill()
	await(t, "readiness says that Redis is gone", func() bool { _, r := p.readyz(t); return !r.Redis.Following })
	if code, _ := p.readyz(t); code != http.StatusOK || health(t, conn) != "SERVING" {
		t.Errorf("without Redis: readiness %d, health %s", code, health(t, conn))
	}
	if got := preflight(t, conn, newOrigin); got != 204 {
		t.Errorf("preflight without Redis: %d, want 204", got)
	}

	// The next start has the last good tenants, and nobody to ask.
	p.stop(t)
	again := start(t, cfg)
	again.awaitReady(t)
	if got := preflight(t, again.dial(t), newOrigin); got != 204 {
		t.Errorf("preflight after a start without Redis: %d, want 204", got)
	}
	if _, r := again.readyz(t); r.Redis.Following || r.Tenants != 1 {
		t.Errorf("readiness after a start without Redis: %+v", r)
	}
}

// Redis was never there. The baseline decides what it knows, all else is closed, and a change
// of the baseline counts.
func TestBaselineWithoutRedis(t *testing.T) {
	cfg := redisSettings(t, "redis://127.0.0.1:1") // nobody may listen there
	cfg.Stored.Baseline = filepath.Join(t.TempDir(), "baseline.yaml")
	cfg.Stored.RequirePolicies = true
	write(t, cfg.Stored.Baseline, fmt.Sprintf(acme, oldOrigin))
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	if got := preflight(t, conn, oldOrigin); got != 204 {
		t.Errorf("preflight by the baseline: %d, want 204", got)
	}
	write(t, cfg.Stored.Baseline, fmt.Sprintf(acme, newOrigin))
	await(t, "the new baseline counts", func() bool { return preflight(t, conn, newOrigin) == 204 })
	write(t, cfg.Stored.Baseline, "id: acme\nhosts: [api.acme.example]\npolicy: {origins: [nonsense]}\n")
	await(t, "readiness tells the problem", func() bool { _, r := p.readyz(t); return len(r.Problems) > 0 })
	_, r := p.readyz(t)
	if !r.Ready || r.Files != 1 || len(r.Kept) != 1 || !strings.HasPrefix(r.Problems[0], "baseline: ") || r.Redis == nil {
		t.Errorf("readiness with a broken baseline: %+v", r)
	}
}

// F94: nothing is there at first; then a document that cannot be read beside one that can.
func TestHealthWaitsForTheFirstTenantOfRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	cfg := redisSettings(t, server.URL())
	p := start(t, cfg)
	conn := p.dial(t)
	await(t, "Redis was found empty", func() bool { _, r := p.readyz(t); return r.Redis.Distrusted == "empty" })
	if code, r := p.readyz(t); code != http.StatusServiceUnavailable || len(r.Redis.Advice) != 1 || health(t, conn) != "NOT_SERVING" {
		t.Errorf("with an empty Redis: readiness %d %+v, health %s", code, r.Redis, health(t, conn))
	}
	if got := preflight(t, conn, oldOrigin); got != 503 {
		t.Errorf("preflight with an empty Redis: %d, want 503", got)
	}
	s := openStore(t, cfg.Redis)
	apply(t, s, oldOrigin, 0)
	p.awaitReady(t)
	server.Do("SET", cfg.Redis.Prefix+"tenant:broken", `{"id":"broken","policy":`)
	server.Do("XADD", cfg.Redis.Prefix+"changes", "*", "tenant", "broken", "kind", "apply")
	await(t, "readiness tells the problem", func() bool { _, r := p.readyz(t); return len(r.Problems) > 0 })
	if code, r := p.readyz(t); code != http.StatusOK || !strings.HasPrefix(r.Problems[0], "tenant broken: ") {
		t.Errorf("with a broken document: readiness %d %q", code, r.Problems)
	}
}

// Users with passwords in files, TLS with certificates, and a socket reach Redis.
func TestWaysToRedis(t *testing.T) {
	certs := redistest.NewCertificates(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	acl := []string{"user default off", redistest.User("writer", "s3cret", redisstore.WriterRules(config.DefaultRedisPrefix))}
	plain, secure := redistest.Start(t, redistest.Options{ACL: acl}), redistest.Start(t, redistest.Options{ACL: acl, TLS: certs})
	withTLS := config.Redis{URL: secure.URL(), Username: "writer", PasswordFile: password, CAFile: certs.CA, CertFile: certs.ClientCert, KeyFile: certs.ClientKey}
	withoutCertificate := withTLS
	withoutCertificate.CertFile, withoutCertificate.KeyFile = "", ""
	tests := []struct {
		name string
		r    config.Redis
		want bool
	}{
		{"a user and a password in a file", config.Redis{URL: plain.URL(), Username: "writer", PasswordFile: password}, true},
		{"a user in the URL and a password in a file", config.Redis{URL: plain.URLAt(plain.Addr(), "writer", ""), PasswordFile: password}, true},
		{"a login in the URL", config.Redis{URL: plain.URLAt(plain.Addr(), "writer", "s3cret")}, true},
		{"no login", config.Redis{URL: plain.URL()}, false},
		{"TLS with a certificate", withTLS, true},
		{"TLS without one", withoutCertificate, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Prefix = config.DefaultRedisPrefix
			_, err := openStore(t, tt.r).Head(t.Context())
			if (err == nil) != tt.want {
				t.Errorf("%v, want success %t", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// The number of the database and the prefix are those that are configured, and a secret that is
// not there is an error at the start.
func TestPlaceInRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	r := config.Redis{URL: "redis://" + server.Addr() + "/3", Prefix: "other:"}
	apply(t, openStore(t, r), oldOrigin, 0)
	for _, other := range []config.Redis{{URL: "redis://" + server.Addr(), Prefix: "other:"}, {URL: r.URL, Prefix: config.DefaultRedisPrefix}} {
		if head, err := openStore(t, other).Head(t.Context()); err != nil || head.Exists {
			t.Errorf("%s with prefix %s: %+v, %v, want nothing there", other.URL, other.Prefix, head, err)
		}
	}
	if head, err := openStore(t, r).Head(t.Context()); err != nil || !head.Exists {
		t.Errorf("where it was written: %+v, %v", head, err)
	}
	missing := filepath.Join(t.TempDir(), "password")
	_, err := OpenRedis(config.Redis{URL: r.URL, Prefix: "other:", SentinelMaster: "m", SentinelPasswordFile: missing}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the password of the Sentinels: %v", err)
	}
}

// Who can listen in is said once, without the login.
func TestCleartextIsWarnedOf(t *testing.T) {
	tests := []struct {
		url  string
		want int
	}{
		{"redis://u:s3cret@redis.example:6379", 1},
		{"rediss://u:s3cret@redis.example:6379", 0},
		{"redis://127.0.0.1:6379", 0},
		{"unix:///run/redis.sock", 0},
	}
	for _, tt := range tests {
		var log strings.Builder
		s, err := OpenRedis(config.Redis{URL: tt.url, Prefix: config.DefaultRedisPrefix}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "listen"); n != tt.want || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: %d warnings, want %d:\n%s", tt.url, n, tt.want, log.String())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

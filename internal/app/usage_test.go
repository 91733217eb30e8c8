package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// What a gateway has allowed is in Redis when it has stopped, written by an account that can do nothing else.
func TestUsesAreRecorded(t *testing.T) {
	redis := redistest.Start(t, redistest.Options{})
	cfg := redisSettings(t, redis.URL())
	apply(t, openStore(t, cfg.Redis), newOrigin, 0)
	for name, rules := range map[string]string{
		"reader": redisstore.ReaderRules(cfg.Redis.Prefix), "recorder": redisstore.RecorderRules(cfg.Redis.Prefix),
	} {
		do := []any{"ACL", "SETUSER", name, "on", ">" + name}
		for word := range strings.FieldsSeq(rules) {
			do = append(do, word)
		}
		redis.Do(do...)
	}
	secret := func(name string) string {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, name)
		return path
	}
	cfg.Redis.Username, cfg.Redis.PasswordFile = "reader", secret("reader")
	cfg.Stored.RecordUsage = true
	cfg.Stored.UsageUsername, cfg.Stored.UsagePasswordFile = "recorder", secret("recorder")
	p := start(t, cfg)
	p.awaitReady(t)
	conn := p.dial(t)
	before := time.Now().UTC().Format(time.DateOnly)
	if got := preflight(t, conn, newOrigin); got != 204 {
		t.Fatalf("preflight: %d, want 204", got)
	}
	if got := preflight(t, conn, oldOrigin); got != 403 {
		t.Fatalf("preflight of another origin: %d, want 403", got)
	}
	p.stop(t)
	after := time.Now().UTC().Format(time.DateOnly)
	used, _ := redis.Do("HGETALL", cfg.Redis.Prefix+"used:acme").([]any)
	if len(used) != 2 || used[0] != newOrigin || used[1] != before && used[1] != after {
		t.Errorf("recorded %v, want %s on %s", used, newOrigin, before)
	}
	if s := p.registry.figures().Store; s.FlushesDone != 1 || s.FlushesFailed != 0 {
		t.Errorf("%d flushes done, %d failed", s.FlushesDone, s.FlushesFailed)
	}
	if log, _ := redis.Do("ACL", "LOG").([]any); len(log) > 0 {
		t.Errorf("denied: %v", log)
	}
}

package demo

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestTenantsAreWrittenAndShown(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s, err := app.OpenRedis(config.Redis{URL: server.URL(), Prefix: config.DefaultRedisPrefix}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	docs, _, problems := document.Decode("tenants.yaml", []byte(
		"id: a\nhosts: [a.localhost]\npolicy: {origins: [http://x.localhost]}\n---\nid: b\nhosts: [b.localhost]\npolicy: {}\n"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	// A kept directory has what the last run wrote: writing again is no conflict.
	for _, revision := range []string{`"1"`, `"2"`} {
		db := &database{store: s}
		if err := db.fill(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		text, err := db.text(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, b, two := strings.Cut(text, "---\n")
		if !two || !strings.Contains(a, "id: a\n") || !strings.Contains(a, "http://x.localhost") || !strings.Contains(b, "id: b\n") || strings.Count(text, "revision: "+revision) != 2 {
			t.Errorf("the page would show\n%s\nwant both tenants with revision %s", text, revision)
		}
	}
	// What somebody broke is shown as it is.
	server.Do("SET", config.DefaultRedisPrefix+"tenant:a", "{broken")
	if text, err := (&database{store: s, ids: []string{"a"}}).text(t.Context()); err != nil || text != "{broken\n" {
		t.Errorf("of a broken document the page would show %q, %v", text, err)
	}
}

func TestPing(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	if err := ping(t.Context(), server.Addr()); err != nil {
		t.Error(err)
	}
	server.Kill()
	if err := ping(t.Context(), server.Addr()); err == nil {
		t.Error("a Redis that was killed answers")
	}
}

func TestCaughtUp(t *testing.T) {
	at := store.Position{Time: 5, Sequence: 1}
	tests := []struct {
		name string
		r    app.Readiness
		want bool
	}{
		{"tenants in files", app.Readiness{}, false},
		{"before it", app.Readiness{Redis: &app.RedisReadiness{Position: "5-0"}}, false},
		{"there", app.Readiness{Redis: &app.RedisReadiness{Position: "5-1"}}, true},
		{"beyond", app.Readiness{Redis: &app.RedisReadiness{Position: "6-0"}}, true},
		{"nonsense", app.Readiness{Redis: &app.RedisReadiness{Position: "x"}}, false},
	}
	for _, tt := range tests {
		if got := caughtUp(tt.r, at); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

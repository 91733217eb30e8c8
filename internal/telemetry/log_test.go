package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// written runs telemetry, has do use it, and returns the lines of the log.
func written(tb testing.TB, adjust func(*Config), do func(*Telemetry)) []map[string]any {
	tb.Helper()
	var w strings.Builder
	cfg := Config{Tiers: DefaultTiers(), Origins: true, Log: jsonLog(&w)}
	if adjust != nil {
		adjust(&cfg)
	}
	t, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	do(t)
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	t.log.run(ctx) // writes what is queued
	return lines(tb, w.String())
}

func lines(tb testing.TB, text string) (out []map[string]any) {
	tb.Helper()
	for line := range strings.Lines(text) {
		for i := range len(line) - 1 {
			if line[i] < ' ' || line[i] > '~' {
				tb.Fatalf("byte %#x of %q", line[i], line)
			}
		}
		var parsed map[string]any
		if err := json.Unmarshal([]byte(line), &parsed); err != nil {
			tb.Fatalf("%q: %v", line, err)
		}
		out = append(out, parsed)
	}
	return out
}

func TestDecisionLogFields(t *testing.T) {
	tenants := tenanttest.New(t, `{id: acme, hosts: [api.example], policy: {origins: ["https://app.example"]}}`)
	o := under(denial("acme", "http://app.example"), true)
	o.Tier, o.Revision, o.Shadow, o.Variant, o.RequestID = "gold", 3, tenant.ShadowAgree, tenant.VariantStable, []byte("7")
	o.Regressed, o.Answered, o.Status = true, true, 403
	o.Request.RequestMethod = "PUT"
	got := written(t, func(cfg *Config) {
		cfg.Explain = func(k tenant.Key, r *policy.Request) tenant.Explanation {
			v := tenants.Lookup(t.Context(), k)
			return v.Explain(r, policy.UnknownRefuse)
		}
	}, func(tm *Telemetry) { tm.Observe(o) })
	want := map[string]any{
		"level": "INFO", "msg": "decision", "event": "cors.decision", "phase": "actual", "outcome": "denied", "reason": "origin_not_listed",
		"source": "live", "callback": "request", "dur_us": 30.0, "trace_id": "01020300000000000000000000000000", "span_id": "0405000000000000",
		"request_id": "7", "tenant": "acme", "tier": "gold", "method": "GET", "request_method": "PUT", "host": "api.example", "origin": "http://app.example",
		"near_miss": "scheme", "variant": "stable", "shadow": "agree", "policy_version": 3.0, "status": 403.0, "regressed": true,
	}
	if len(got) != 1 {
		t.Fatalf("%d lines", len(got))
	}
	delete(got[0], "time")
	delete(got[0], "decided_at")
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// TestDecisionLogSampling: errors up to their rate, the first of equal denials, few of the rest.
func TestDecisionLogSampling(t *testing.T) {
	count := func(mode LogMode, o func(i int) *server.Observation) (n int) {
		synctest.Test(t, func(t *testing.T) {
			n = len(written(t, func(cfg *Config) { cfg.Decisions = mode }, func(tm *Telemetry) {
				for i := range 500 {
					tm.Observe(o(i))
				}
			}))
		})
		return n
	}
	equal := func(int) *server.Observation { return denial("acme", "https://evil.example") }
	various := func(i int) *server.Observation { return denial("acme", fmt.Sprintf("https://%d.example", i)) }
	failed := func(int) *server.Observation { return failure() }
	allowed := func(int) *server.Observation { return grant("acme", "https://a.example") }
	late := func(int) *server.Observation { return &server.Observation{Late: true, Conflict: true} }
	for _, tt := range []struct {
		name     string
		mode     LogMode
		o        func(int) *server.Observation
		min, max int
	}{
		{"equal denials", LogSampled, equal, 1, 1},
		{"various denials", LogSampled, various, logDenials, logDenials},
		{"errors", LogSampled, failed, logErrors, logErrors},
		{"allowed", LogSampled, allowed, 0, 20},
		{"late conflicts", LogSampled, late, 0, 0},
		{"all", LogAll, allowed, 500, 500},
		{"off", LogOff, failed, 0, 0},
	} {
		if n := count(tt.mode, tt.o); n < tt.min || n > tt.max {
			t.Errorf("%s: %d lines, want %d to %d", tt.name, n, tt.min, tt.max)
		}
	}
}

// TestSuppressed: after a minute an equal denial is written again, with the number of those between.
func TestSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := written(t, nil, func(tm *Telemetry) {
			for range 5 {
				tm.Observe(denial("acme", "https://evil.example"))
			}
			<-time.After(logEqualFor)
			tm.Observe(denial("acme", "https://evil.example"))
		})
		if len(got) != 2 || got[0]["suppressed"] != nil || got[1]["suppressed"] != 4.0 {
			t.Errorf("%v", got)
		}
	})
}

// TestRecordsBeyondTheQueue: who decides does not wait for records to be written.
func TestRecordsBeyondTheQueue(t *testing.T) {
	tm, err := New(Config{Decisions: LogAll})
	if err != nil {
		t.Fatal(err)
	}
	for range logQueue + 10 { // nobody writes
		tm.Observe(grant("acme", "https://a.example"))
	}
	if n := tm.log.overflow.Load(); n != 10 {
		t.Errorf("%d dropped, want 10", n)
	}
}

// FuzzDecisionLog: whatever a client sends, a line parses, and nothing in it steers a terminal.
func FuzzDecisionLog(f *testing.F) {
	f.Add("https://a\r\n{\"level\":\"ERROR\"}\x1b[31m\xff", "api.example", "GET", "id", "PUT")
	f.Add("\u009b31m\u2028", "\x00\x7f", strings.Repeat("M", 9000), "\"\\", strings.Repeat("é", 500))
	f.Fuzz(func(t *testing.T, origin, host, method, id, requested string) {
		o := denial("acme", origin)
		o.Request.Authority, o.Request.Method, o.Request.RequestMethod, o.RequestID = host, method, requested, []byte(id)
		got := written(t, func(cfg *Config) { cfg.Decisions = LogAll }, func(tm *Telemetry) { tm.Observe(o) })
		if len(got) != 1 {
			t.Fatalf("%d lines", len(got))
		}
		for key, raw := range map[string]string{"origin": origin, "host": host, "method": method, "request_id": id, "request_method": requested} {
			text, _ := got[0][key].(string)
			if back := unprint(text); back != raw && !(strings.HasSuffix(text, "...") && strings.HasPrefix(raw, strings.TrimSuffix(back, "..."))) {
				t.Errorf("%s: %q for %q", key, text, raw)
			}
		}
		// Text is escaped once more, and no worse.
		var w strings.Builder
		tm, err := New(Config{Decisions: LogAll, Origins: true, Log: slog.New(slog.NewTextHandler(&w, nil))})
		if err != nil {
			t.Fatal(err)
		}
		tm.Observe(o)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tm.log.run(ctx)
		if text := w.String(); strings.Count(text, "\n") != 1 || strings.ContainsFunc(strings.TrimSuffix(text, "\n"), func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("text: %q", text)
		}
	})
}

// unprint reads what printable wrote, naively.
func unprint(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		var c byte
		if n, err := fmt.Sscanf(s, `\x%02x`, &c); err == nil && n == 1 {
			b.WriteByte(c)
			s = s[4:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}

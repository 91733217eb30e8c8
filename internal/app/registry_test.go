package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// otherTime is a registry in which it is another time.
type otherTime struct {
	tenant.Registry
	now    time.Time
	closed chan struct{}
}

func (otherTime) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (otherTime) Ready() bool                   { return true }
func (o otherTime) Now() time.Time              { return o.now }
func (otherTime) describe(*Readiness)           {}
func (otherTime) onUse() tenant.OnUse           { return nil }
func (otherTime) figures() telemetry.Figures    { return telemetry.Figures{} }
func (o otherTime) Close() error                { close(o.closed); return nil }

// F98: what expires does so by the time of the registry, not by that of the machine.
func TestExpiryIsHeldAgainstTheRegistrysTime(t *testing.T) {
	tenants := tenanttest.New(t, `{id: acme, hosts: [api.acme.example], policy: {methods: [PUT],
		temporary_origins: [{origin: "https://old.acme.example", expires_at: "2030-01-01T00:00:00Z"}]}}`)
	for now, want := range map[string]int{"2029-12-31T23:59:59Z": 204, "2030-01-01T00:00:00Z": 403} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		log := &strings.Builder{}
		r := otherTime{Registry: tenants, now: at, closed: make(chan struct{})}
		a := &App{cfg: settings(t, "https://app.acme.example"), ready: make(chan struct{}), registry: r}
		a.log = slog.New(slog.NewTextHandler(log, nil))
		a.stopping.log = a.log
		if a.telemetry, err = a.newTelemetry(); err != nil {
			t.Fatal(err)
		}
		if err := a.wire(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := run(t, a, log)
		p.awaitReady(t)
		if got := preflight(t, p.dial(t), oldOrigin); got != want {
			t.Errorf("at %s: %d, want %d", now, got, want)
		}
		p.stop(t)
		select {
		case <-r.closed:
		default:
			t.Error("the registry was not closed")
		}
	}
}

package app

import (
	"context"
	"fmt"
	"time"

	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
)

// registry is all that a process needs of the place that its tenants come from.
type registry interface {
	tenant.Registry
	// Run follows the tenants until ctx ends, and then returns nil.
	Run(ctx context.Context) error
	// Ready reports whether there is something to decide by, or no reason to wait for it any
	// longer. Once it was, it stays so.
	Ready() bool
	// Now is the time that what expires is held against.
	Now() time.Time
	// figures are what metrics show of the tenants. They cost little, however many there are.
	figures() telemetry.Figures
	// onUse is told of uses of entries; nil when they are not recorded.
	onUse() tenant.OnUse
	// describe adds what readiness says of the tenants.
	describe(r *Readiness)
	// Close releases what the registry holds, after Run or instead of it.
	Close() error
}

// openRegistry makes the registry that the configuration names.
func (a *App) openRegistry() (registry, error) {
	if a.cfg.Redis.Enabled() {
		return openStored(a.cfg, a.log, a.telemetry, a.refresh)
	}
	store, err := files.New(files.Options{
		Path:     a.cfg.Tenants,
		MaxBytes: memoryBudget(),
		Log:      a.log,
		OnReload: func(files.Report) { a.refresh() },
	})
	if err != nil {
		return nil, fmt.Errorf("opening the tenant registry: %w", err)
	}
	return fileRegistry{store}, nil
}

// fileRegistry is a registry in files. They are local and watched, so the machine's clock
// is as good a witness as there is.
type fileRegistry struct{ *files.Store }

// Ready reports whether there has been a good document; from then on there always is one.
func (f fileRegistry) Ready() bool { return f.Status().Tenants > 0 }

// Now is the machine's clock.
func (fileRegistry) Now() time.Time { return time.Now() }

// Close does nothing.
func (fileRegistry) Close() error { return nil }

func (f fileRegistry) describe(r *Readiness) {
	report := f.Status()
	r.Files, r.Tenants, r.LoadedAt, r.Kept = report.Files, report.Tenants, report.LoadedAt, report.Kept
	for i := range report.Problems {
		r.Problems = append(r.Problems, report.Problems[i].String())
	}
}

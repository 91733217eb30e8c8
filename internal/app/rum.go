package app

import (
	"context"
	"errors"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/rum"
)

// collectReports puts the collector of reports of pages behind its listener.
func (a *App) collectReports(ctx context.Context) error {
	l, err := listen(ctx, a.cfg.RUM.Listen)
	if err != nil {
		return err
	}
	a.rumListener = rum.Limit(l)
	a.collector, err = rum.New(rum.Options{
		Registry:    a.registry,
		Now:         a.registry.Now,
		Meter:       a.telemetry,
		Denied:      a.telemetry.Denied,
		Keys:        a.cfg.RUM.Keys,
		TrustedHops: a.cfg.RUM.TrustedHops,
	})
	if err != nil {
		return err
	}
	a.rum = a.collector.Server()
	if address, err := config.ParseAddress(a.cfg.RUM.Listen); err == nil && address.Local() && a.cfg.RUM.TrustedHops == 0 {
		a.log.WarnContext(ctx, "all reports of pages count as one client: only proxies of this machine can reach --rum-listen, and --rum-trusted-hops is 0")
	}
	return nil
}

func (a *App) closeCollector(ctx context.Context) error {
	if err := a.rum.Shutdown(ctx); err != nil {
		return errors.Join(err, a.rum.Close())
	}
	return nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// closeBound is the longest time for steps that only close things.
const closeBound = 5 * time.Second

// Run serves until ctx ends or a part fails, then takes everything down in order.
// It returns nil after an orderly stop, and errors of parts that failed otherwise.
func (a *App) Run(ctx context.Context) error {
	// The parts outlive ctx: they go on serving while the process drains.
	parts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group, failed := errgroup.WithContext(parts)

	if err := a.startTelemetry(ctx); err != nil {
		return errors.Join(err, a.release())
	}
	registryEnded := make(chan struct{})
	group.Go(func() error {
		defer close(registryEnded)
		return part("tenant registry", a.registry.Run(parts))
	})
	a.stopping.push(step{"tenant registry stopped", closeBound, func(ctx context.Context) error {
		cancel()
		select { // what it does last is measured, too
		case <-registryEnded:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}})
	if a.admin != nil {
		group.Go(func() error { return part("admin pages", a.admin.Serve(a.adminListener)) })
		a.stopping.push(step{"admin pages closed", closeBound, a.closeAdmin})
	}
	if a.rum != nil {
		group.Go(func() error { return part("collector of reports", a.rum.Serve(a.rumListener)) })
		a.stopping.push(step{"collector of reports closed", closeBound, a.closeCollector})
	}
	group.Go(func() error {
		a.service.Run(parts)
		return nil
	})
	group.Go(func() error { return part("gRPC server", a.grpc.Serve(a.listener)) })
	a.stopping.push(step{"gRPC server stopped", a.cfg.StopTimeout + closeBound, a.stopGRPC})
	a.stopping.push(step{"drain delay over", a.cfg.DrainDelay + closeBound, a.drain})
	a.stopping.push(step{"health says NOT_SERVING", closeBound, a.notServing})

	a.running.Store(true)
	a.log.InfoContext(ctx, "listening", "address", a.Addr().String(), "tls", a.cfg.TLS.Enabled(), "admin", addressText(a.AdminAddr()), "rum", addressText(a.RUMAddr()))
	a.refresh()

	select {
	case <-ctx.Done():
		a.log.InfoContext(ctx, "stopping", "cause", context.Cause(ctx))
	case <-failed.Done():
		a.log.ErrorContext(ctx, "stopping", "cause", context.Cause(failed))
	}
	return errors.Join(a.stopping.unwind(ctx), group.Wait(), a.registry.Close())
}

// part names the error of a part; the ways in which parts end when told to are no errors.
func part(name string, err error) error {
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// notServing tells Envoy's health checks, and readiness, to send no more.
func (a *App) notServing(context.Context) error {
	a.draining.Store(true)
	a.refresh()
	a.health.Shutdown()
	return nil
}

// drain goes on serving until Envoy has had time to see NOT_SERVING.
func (a *App) drain(ctx context.Context) error {
	timer := time.NewTimer(a.cfg.DrainDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stopGRPC lets requests in flight end, and cuts off those that outlast the stop timeout.
func (a *App) stopGRPC(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.StopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.grpc.GracefulStop()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	left := a.service.Active()
	a.grpc.Stop() // makes GracefulStop return
	<-done
	a.log.WarnContext(ctx, "requests in flight were cut off", "requests", left, "after", a.cfg.StopTimeout.String())
	return nil
}

func (a *App) closeAdmin(ctx context.Context) error {
	if err := a.admin.Shutdown(ctx); err != nil {
		return errors.Join(err, a.admin.Close())
	}
	return nil
}

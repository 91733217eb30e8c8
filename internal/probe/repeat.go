package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Repeat says how to go on asking.
type Repeat struct {
	// Interval is the time from the beginning of a run to that of the next. Required.
	Interval time.Duration
	// NonceInterval is the least time between two measurements of propagation: each changes the registry twice.
	NonceInterval time.Duration
	// Listener serves /metrics, if it is not nil. Run closes it.
	Listener net.Listener
	// Each is called after every run.
	Each func(*Report)
}

// Bounds of the metrics server.
const (
	serveTimeout = 10 * time.Second
	serveHeaders = 8 << 10
)

// Run asks until ctx ends; it then returns nil.
func (p *Prober) Run(ctx context.Context, o Repeat) error {
	var last atomic.Pointer[Report]
	group, ctx := errgroup.WithContext(ctx)
	if o.Listener != nil {
		group.Go(func() error { return serve(ctx, o.Listener, &last) })
	}
	group.Go(func() error {
		p.repeat(ctx, o, &last)
		return nil
	})
	return group.Wait()
}

func (p *Prober) repeat(ctx context.Context, o Repeat, last *atomic.Pointer[Report]) {
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	var measured time.Time
	for {
		due := measured.IsZero() || time.Since(measured) >= o.NonceInterval
		if due {
			measured = time.Now()
		}
		r := p.once(ctx, due)
		if ctx.Err() != nil {
			return // what was interrupted says nothing
		}
		if before := last.Load(); !due && before != nil {
			r.keep(before)
		}
		last.Store(r)
		if o.Each != nil {
			o.Each(r)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// keep takes over the measurement of an earlier run, so that its series do not end between two.
func (r *Report) keep(before *Report) {
	for _, t := range before.Targets {
		if slices.ContainsFunc(t.Cases, func(c CaseReport) bool { return c.Case == Propagation }) {
			r.Targets = append(r.Targets, t)
		}
	}
	r.count()
}

// serve answers GET /metrics with the last report until ctx ends.
func serve(ctx context.Context, l net.Listener, last *atomic.Pointer[Report]) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if r := last.Load(); r != nil {
			_ = r.Prometheus(w) // the scraper is gone
		}
	})
	server := &http.Server{
		Handler: mux, ReadTimeout: serveTimeout, WriteTimeout: serveTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: serveHeaders,
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // its connections were given their time
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving metrics: %w", err)
}

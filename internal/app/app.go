package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/rum"
	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/server"
)

// Log is where a process logs. It must not block: locks are held meanwhile.
type Log struct {
	*slog.Logger
	// Lost is how many lines were lost because nobody took them in time, and because they could not be written; nil is none.
	Lost func() (dropped, failed int64)
}

// App is one serving process. Make it with [New] and call [App.Run] once.
type App struct {
	cfg  config.Serve
	log  *slog.Logger
	lost func() (dropped, failed int64) // lines of log; nil is none

	registry  registry
	telemetry *telemetry.Telemetry
	service   *server.Service
	health    *server.Health
	grpc      *grpc.Server
	admin     *http.Server // nil when there is none

	collector *rum.Collector // nil when no reports of pages are collected
	rum       *http.Server   // of the collector

	listener      net.Listener
	adminListener net.Listener // nil when there is none
	rumListener   net.Listener // nil when there is none
	stopping      stack

	mu       sync.Mutex // orders changes of what health says
	serving  bool       // under mu: what health says
	running  atomic.Bool
	draining atomic.Bool
	ready    chan struct{} // closed when the process serves for the first time
}

// New wires a process and binds its listeners; it starts no goroutine. What was
// opened is released when anything fails.
func New(ctx context.Context, cfg config.Serve, log Log) (*App, error) {
	a := &App{cfg: cfg, log: log.Logger, lost: log.Lost, ready: make(chan struct{}), stopping: stack{log: log.Logger}}
	var err error
	if a.telemetry, err = a.newTelemetry(); err != nil {
		return nil, err
	}
	if a.registry, err = a.openRegistry(); err != nil { //nolint:contextcheck // connections outlive the start
		return nil, err
	}
	if err := a.wire(ctx); err != nil {
		return nil, errors.Join(err, a.release())
	}
	return a, nil
}

// wire puts everything else around the registry.
func (a *App) wire(ctx context.Context) error {
	var err error
	a.service, err = server.New(server.Config{
		Registry:        a.registry,
		UnknownTenant:   config.UnknownTenant(a.cfg.UnknownTenant),
		TenantAttribute: a.cfg.TenantAttribute,
		MaxStreams:      streamLimit(a.cfg.MaxStreams),
		Observe:         a.telemetry.Observe,
		OnUse:           a.registry.onUse(),
		Log:             a.log,
		Clock:           a.registry.Now,
	})
	if err != nil {
		return err
	}
	transport := server.Transport{ConnectionAge: a.cfg.MaxConnectionAge}
	if a.cfg.TLS.Enabled() {
		certs, err := newCertificates(a.cfg.TLS, a.log) //nolint:contextcheck // reading files has a time limit of its own
		if err != nil {
			return err
		}
		transport.Credentials = credentials.NewTLS(certs.serverConfig()) //nolint:contextcheck // reading files has a time limit of its own
	}
	a.health = server.NewHealth()
	a.grpc = grpc.NewServer(server.GRPCOptions(transport)...)
	a.service.Register(a.grpc) //nolint:contextcheck // streams bring their own contexts
	a.health.Register(a.grpc)
	return a.bind(ctx)
}

func (a *App) bind(ctx context.Context) error {
	var err error
	if a.listener, err = listen(ctx, a.cfg.Listen); err != nil {
		return err
	}
	if a.cfg.RUM.Enabled() {
		if err := a.collectReports(ctx); err != nil {
			return err
		}
	}
	if a.cfg.AdminListen == "" {
		return nil
	}
	l, err := listen(ctx, a.cfg.AdminListen)
	if err != nil {
		return err
	}
	a.adminListener = limitAdmin(l)
	a.admin = a.adminServer()
	return nil
}

// release closes what [New] opened, for an App that will not run.
func (a *App) release() error {
	failed := a.registry.Close()
	if a.grpc != nil {
		a.grpc.Stop() // its workers run from the start
	}
	for _, l := range []net.Listener{a.listener, a.adminListener, a.rumListener} {
		if l != nil {
			failed = errors.Join(failed, l.Close())
		}
	}
	return failed
}

// Addr is where Envoy connects; it tells the port that the system chose for ":0".
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// AdminAddr is where the admin pages are, or nil when there are none.
func (a *App) AdminAddr() net.Addr {
	if a.adminListener == nil {
		return nil
	}
	return a.adminListener.Addr()
}

// RUMAddr is where reports of pages are collected, or nil when they are not.
func (a *App) RUMAddr() net.Addr {
	if a.rumListener == nil {
		return nil
	}
	return a.rumListener.Addr()
}

// Ready is closed when the process says SERVING for the first time.
func (a *App) Ready() <-chan struct{} { return a.ready }

// refresh makes health say what is true now.
func (a *App) refresh() {
	if serving, changed := a.setServing(); changed {
		a.log.Info("health changed", "serving", serving)
	}
}

func (a *App) setServing() (serving, changed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	serving = a.running.Load() && !a.draining.Load() && a.registry.Ready()
	if serving == a.serving {
		return serving, false
	}
	a.serving = serving
	a.health.SetServing(serving)
	if !serving {
		return false, true
	}
	select {
	case <-a.ready:
	default:
		close(a.ready)
	}
	return true, true
}

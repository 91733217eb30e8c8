package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Hosts of the demo. Browsers resolve every name below "localhost" to this machine.
const (
	hostAPI     = "api.localhost"
	hostAllowed = "app.localhost"
	hostForeign = "evil.localhost"
)

// stopBound is how long requests in flight at one of our HTTP servers may take to end.
const stopBound = 500 * time.Millisecond

// Options say where the demo runs.
type Options struct {
	// Envoy is the program to run.
	Envoy string
	// Listen is the host:port of the gateway, and Allowed and Foreign those of the two
	// pages. Port 0 lets the system choose.
	Listen, Allowed, Foreign string
	// Redis says that the tenants are in a Redis of the demo's own, which RedisServer, a program, runs.
	Redis       bool
	RedisServer string
	// Program is how the user calls corsgate, for command lines to try.
	Program string
	// Dir keeps the tenants file, Envoy's configuration and the logs. A tenants file that
	// is there already is used as it is. Empty means a temporary directory that is removed at the end.
	Dir string
	// JSON prints one line of JSON instead of the text for people: see [Ready].
	JSON bool
	// Out is where the announcement goes.
	Out io.Writer
}

// demo is a demo that is being started, runs, or is being stopped.
type demo struct {
	o       Options
	dir     string
	journal *journal
	tenants *shownDocument
	ready   Ready
	apiAddr string // host:port of Envoy
	// listeners by role, bound before anything is written that names their ports.
	shop, allowed, foreign net.Listener
	processor              *processor
	gateway                *gateway
	database               *database // nil when the tenants are in the file
	// failed gets what ends the demo before its time.
	failed chan error
	// stops undo the steps of the start; the last one first.
	stops []func() error
}

// Run starts everything, announces it on o.Out, and serves until ctx ends or a
// part fails. When it returns, nothing of the demo is left.
func Run(ctx context.Context, o Options) error {
	d := &demo{o: o, journal: &journal{}, failed: make(chan error, 8)}
	err := d.start(ctx)
	if err == nil {
		err = d.announce()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-d.failed:
		}
	}
	if ctx.Err() != nil {
		err = nil // being told to stop, even half-way through the start, is no failure
	}
	return errors.Join(err, d.stop())
}

func (d *demo) start(ctx context.Context) error {
	steps := []func(context.Context) error{
		d.openDir, d.listen, d.writeTenants, d.startRedis, d.fillRedis, d.startShop, d.startProcessor, d.startGateway, d.startPages, d.awaitAnswer,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) stop() error {
	var all error
	for _, stop := range slices.Backward(d.stops) {
		all = errors.Join(all, stop())
	}
	return all
}

func (d *demo) later(stop func() error) { d.stops = append(d.stops, stop) }

func (d *demo) openDir(context.Context) error {
	if d.o.Dir == "" {
		dir, err := os.MkdirTemp("", "corsgate-demo-")
		if err != nil {
			return fmt.Errorf("making a directory: %w", err)
		}
		d.dir = dir
		d.later(func() error { return os.RemoveAll(dir) })
		return nil
	}
	dir, err := filepath.Abs(d.o.Dir)
	if err != nil {
		return fmt.Errorf("finding the directory: %w", err)
	}
	d.dir = dir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	return nil
}

// listen binds all ports but Envoy's.
func (d *demo) listen(ctx context.Context) error {
	var lc net.ListenConfig
	for _, l := range []struct {
		into *net.Listener
		addr string
	}{{&d.allowed, d.o.Allowed}, {&d.foreign, d.o.Foreign}, {&d.shop, "127.0.0.1:0"}} {
		listener, err := lc.Listen(ctx, "tcp", l.addr)
		if err != nil {
			return fmt.Errorf("listening on %s: %w", l.addr, err)
		}
		*l.into = listener
		// Closing twice is harmless; this one is for a start that fails half-way.
		d.later(func() error { _ = listener.Close(); return nil })
	}
	d.ready.Allowed = origin(hostAllowed, d.allowed)
	d.ready.Foreign = origin(hostForeign, d.foreign)
	return nil
}

// origin is the origin of host on the port of l.
func origin(host string, l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

func (d *demo) writeTenants(ctx context.Context) error {
	d.ready.Tenants = filepath.Join(d.dir, "tenants.yaml")
	how := "Edit and save: the change is live in under a second."
	if d.o.Redis {
		how = "Edit, save, and apply it to Redis: the change is live at once."
	}
	text := strings.NewReplacer("{{HOW}}", how, "{{ALLOWED}}", d.ready.Allowed, "{{FOREIGN}}", d.ready.Foreign).Replace(tenantsFile)
	file, err := os.OpenFile(d.ready.Tenants, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
	case err != nil:
		return fmt.Errorf("writing the demo's tenants: %w", err)
	default:
		_, err := file.WriteString(text)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("writing the demo's tenants: %w", err)
		}
	}
	d.tenants, err = openDocument(ctx, documentView{Path: d.ready.Tenants}, fileText(d.ready.Tenants))
	return err
}

func (d *demo) startShop(ctx context.Context) error {
	d.serve(ctx, d.shop, shop())
	return nil
}

func (d *demo) startPages(ctx context.Context) error {
	for _, s := range []struct {
		site
		listener net.Listener
	}{
		{site{role: roleAllowed, origin: d.ready.Allowed, other: d.ready.Foreign}, d.allowed},
		{site{role: roleForeign, origin: d.ready.Foreign, other: d.ready.Allowed}, d.foreign},
	} {
		s.api, s.journal, s.document = d.ready.API, d.journal, d.tenants
		handler, err := s.handler()
		if err != nil {
			return fmt.Errorf("preparing the pages: %w", err)
		}
		d.serve(ctx, s.listener, handler)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.tenants.follow(ctx, d.applied)
	}()
	d.later(func() error { cancel(); <-done; return nil })
	return nil
}

// applied waits until corsgate has taken in a change of the tenants. The error says what is wrong
// with it; then the last good version stays in force.
func (d *demo) applied(ctx context.Context) error {
	if d.database != nil {
		return d.processor.taken(ctx, d.database)
	}
	return d.processor.applied(ctx)
}

// serve runs an HTTP server on l. Requests that wait for something end with it.
func (d *demo) serve(ctx context.Context, l net.Listener, h http.Handler) {
	ctx = context.WithoutCancel(ctx) // it stops in its turn
	requests, cancel := context.WithCancel(ctx)
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err)
		}
	}()
	d.later(func() error {
		cancel()
		bound, end := context.WithTimeout(ctx, stopBound)
		defer end()
		err := shutdown(bound, server)
		<-done
		if err != nil {
			return fmt.Errorf("stopping the server on %s: %w", l.Addr(), err)
		}
		return nil
	})
}

// shutdown lets requests in flight end until ctx does, then cuts them off. Browsers open
// connections in advance; http.Server takes those for busy until they are used.
func shutdown(ctx context.Context, server *http.Server) error {
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

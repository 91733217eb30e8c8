package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/redistest"
)

const anyPort = "127.0.0.1:0"

// lab holds what all contenders share.
type lab struct {
	*settings
	tb       redistest.TB
	dir      string
	corsgate string
	envoy    string
	// collector is where spans would go, were any sampled.
	collector string
}

func newLab(tb redistest.TB, s *settings) *lab {
	l := &lab{settings: s, tb: tb, corsgate: s.binary, envoy: os.Getenv("CORSGATE_ENVOY")}
	dir, err := os.MkdirTemp("", "corsgate-bench-")
	l.check(err, "making a directory")
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	l.dir = dir
	if l.envoy == "" {
		l.envoy = "../.tools/venv/bin/envoy"
	}
	if _, err := exec.LookPath(l.envoy); err != nil {
		tb.Fatalf("no Envoy at %s: say \"make tools\", or name it in CORSGATE_ENVOY", l.envoy)
	}
	if l.corsgate == "" {
		l.corsgate = filepath.Join(dir, "corsgate")
		build := exec.CommandContext(tb.Context(), "go", "-C", "..", "build", "-o", l.corsgate, "./cmd/corsgate")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		if err != nil {
			tb.Fatalf("building corsgate: %v\n%s", err, out)
		}
	}
	quiet, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", anyPort)
	l.check(err, "listening for spans")
	tb.Cleanup(func() { _ = quiet.Close() })
	l.collector = quiet.Addr().String()
	return l
}

// check ends the measurement when something failed that has nothing to do with speed.
func (l *lab) check(err error, what string) {
	if err != nil {
		l.tb.Fatalf("%s: %v", what, err)
	}
}

// rig is one contender with its server and the client that drives it through a listener of the common Envoy.
type rig struct {
	contender
	*client
	*front
	processor *process // nil where there is none
	// pages are those of corsgate.
	pages string
}

// front is the one Envoy of all contenders, with a listener for each: two processes of the same Envoy with the same
// configuration differ by more than what is to be measured.
type front struct {
	proxy *process
	admin string
}

// start runs the servers of contenders, and Envoy in front of them. redis is for corsgate alone.
func (l *lab) start(redis string, list ...contender) []*rig {
	rigs := make([]*rig, len(list))
	port := l.freePort()
	var boot *bootstrapv3.Bootstrap
	for i, c := range list {
		r := &rig{contender: c}
		processor := "127.0.0.1:1" // nobody
		if c.server != "" {
			dir := filepath.Join(l.dir, fmt.Sprintf("%d-%d", port, i))
			l.check(os.Mkdir(dir, 0o700), "making a directory")
			r.processor, processor = l.serve(r, dir, redis)
		}
		one, err := c.bootstrap(processor, l.collector, port)
		l.check(err, "configuring Envoy")
		boot, err = merge(boot, one, i)
		l.check(err, "configuring Envoy")
		rigs[i] = r
	}
	f := l.front(boot, fmt.Sprintf("envoy-%d", port))
	for i, r := range rigs {
		r.front = f
		addr, err := listenerAddr(l.tb.Context(), f.admin, listenerOf(i))
		l.check(err, "asking Envoy for its listeners")
		r.client, err = dial(l.tb.Context(), addr, l.connections)
		l.check(err, "connecting to Envoy")
		l.tb.Cleanup(func() { _ = r.close() })
		if r.server != "" {
			l.awaitProcessor(r)
		}
	}
	return rigs
}

// front runs Envoy and waits until it takes requests.
func (l *lab) front(boot *bootstrapv3.Bootstrap, name string) *front {
	text, err := protojson.Marshal(boot)
	l.check(err, "configuring Envoy")
	config, adminPath := filepath.Join(l.dir, name+".json"), filepath.Join(l.dir, name+".admin")
	l.check(os.WriteFile(config, text, 0o600), "configuring Envoy")
	f := &front{proxy: start(l.tb, l.dir, name, nil, exec.CommandContext(l.tb.Context(), l.envoy,
		"--config-path", config, "--concurrency", strconv.Itoa(l.workers),
		"--admin-address-path", adminPath, "--disable-hot-restart", "--log-level", "error"))}
	eventually(l.tb, "Envoy takes requests", func(ctx context.Context) error {
		select {
		case <-f.proxy.done:
			l.tb.Fatalf("Envoy has ended: %s", f.proxy.tail())
		default:
		}
		text, err := os.ReadFile(adminPath)
		if err != nil || len(text) == 0 {
			return fmt.Errorf("no admin address yet: %w", err)
		}
		f.admin = "http://" + strings.TrimSpace(string(text))
		if _, err := get(ctx, f.admin+"/ready"); err != nil {
			return err
		}
		_, err = listenerAddr(ctx, f.admin, listenerOf(0))
		return err
	})
	return f
}

// serve starts the server of a contender and returns where Envoy finds it.
func (l *lab) serve(r *rig, dir, redis string) (p *process, address string) {
	listen := anyPort
	if l.socket == "unix" {
		listen = "unix:" + filepath.Join(dir, "s")
	}
	if l.procs > 0 {
		l.check(os.Setenv("GOMAXPROCS", strconv.Itoa(l.procs)), "setting GOMAXPROCS")
	}
	if r.server != corsgateServer {
		p, address = firstLine(l.tb, dir, r.server, os.Args[0], childCommand, r.server, listen)
	} else {
		p, _ = firstLine(l.tb, dir, corsgateServer, l.corsgate, "serve", "--redis", redis, "--listen", listen, "--admin-listen", anyPort, "--admin-profiles")
		var pages string
		address, pages = l.addresses(p)
		r.pages = "http://" + pages
	}
	if l.socket == "unix" {
		address = listen
	}
	return p, address
}

// addresses are where corsgate listens, from its log.
func (l *lab) addresses(p *process) (processor, admin string) {
	text, err := os.ReadFile(p.log)
	l.check(err, "reading the log of corsgate")
	for line := range strings.Lines(string(text)) {
		var entry struct{ Address, Admin string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Address != "" {
			return entry.Address, entry.Admin
		}
	}
	l.tb.Fatalf("corsgate does not say where it listens: %s", p.tail())
	return "", ""
}

// freePort is one that nobody listens on now.
func (l *lab) freePort() int {
	taken, err := new(net.ListenConfig).Listen(l.tb.Context(), "tcp", anyPort)
	l.check(err, "looking for a free port")
	defer func() { _ = taken.Close() }()
	addr, _ := taken.Addr().(*net.TCPAddr)
	return addr.Port
}

// awaitProcessor waits until Envoy's calls are answered: the first ones may meet no healthy host.
func (l *lab) awaitProcessor(r *rig) {
	preflight := kinds()[3]
	eventually(l.tb, r.name+" answers", func(context.Context) error {
		want := r.expected(preflight)
		err := r.conns[0].ask(preflight.request(host), want)
		var bad *badResponse
		if err != nil && !errors.As(err, &bad) {
			l.tb.Fatalf("%s: %v", r.name, err)
		}
		return err
	})
}

// get reads a page.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	return text, err
}

// listenerAddr asks Envoy where a listener listens.
func listenerAddr(ctx context.Context, admin, name string) (string, error) {
	text, err := get(ctx, admin+"/listeners?format=json")
	if err != nil {
		return "", err
	}
	return envoy.ListenerAddress(text, name)
}

// streams is how many calls Envoy has opened.
func (f *front) streams(ctx context.Context) (int, error) {
	text, err := get(ctx, f.admin+"/stats?filter=ext_proc.*streams_started")
	if err != nil {
		return 0, err
	}
	sum := 0
	for line := range strings.Lines(string(text)) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		n, err := strconv.Atoi(value)
		if err != nil {
			return 0, fmt.Errorf("counters of Envoy: %w: %q", err, line)
		}
		sum += n
	}
	return sum, nil
}

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
	quiet, err := net.Listen("tcp", anyPort)
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

// rig is one contender with its processes and the client that drives it.
type rig struct {
	contender
	*client
	proxy     *process
	processor *process // nil where there is none
	// admin are the pages of Envoy, pages those of corsgate.
	admin, pages string
}

// start runs the processes of c. redis is for corsgate alone.
func (l *lab) start(c contender, redis string) *rig {
	r := &rig{contender: c}
	dir := filepath.Join(l.dir, strings.NewReplacer(" ", "", ",", "-").Replace(c.name))
	l.check(os.Mkdir(dir, 0o700), "making a directory")
	processor := "127.0.0.1:1" // nobody
	if c.server != "" {
		r.processor, processor = l.serve(r, dir, redis)
	}
	port := l.freePort()
	boot, err := c.bootstrap(processor, l.collector, port)
	l.check(err, "configuring Envoy")
	text, err := protojson.Marshal(boot)
	l.check(err, "configuring Envoy")
	config := filepath.Join(dir, "envoy.json")
	l.check(os.WriteFile(config, text, 0o600), "configuring Envoy")
	adminPath := filepath.Join(dir, "admin")
	r.proxy = start(l.tb, dir, "envoy", nil, l.envoy, "--config-path", config, "--concurrency", strconv.Itoa(l.workers),
		"--admin-address-path", adminPath, "--disable-hot-restart", "--log-level", "error")
	var addr string
	eventually(l.tb, c.name+" takes requests", func(ctx context.Context) error {
		select {
		case <-r.proxy.done:
			l.tb.Fatalf("Envoy of %s has ended: %s", c.name, r.proxy.tail())
		default:
		}
		text, err := os.ReadFile(adminPath)
		if err != nil || len(text) == 0 {
			return fmt.Errorf("no admin address yet: %w", err)
		}
		r.admin = "http://" + strings.TrimSpace(string(text))
		if _, err := get(ctx, r.admin+"/ready"); err != nil {
			return err
		}
		addr, err = listenerAddr(ctx, r.admin)
		return err
	})
	r.client, err = dial(l.tb.Context(), addr, l.connections)
	l.check(err, "connecting to Envoy")
	l.tb.Cleanup(func() { _ = r.client.close() })
	if c.server != "" {
		l.awaitProcessor(r)
	}
	return r
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
		p, _ = firstLine(l.tb, dir, corsgateServer, l.corsgate, "serve", "--redis", redis, "--listen", listen, "--admin-listen", anyPort)
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
	taken, err := net.Listen("tcp", anyPort)
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

// listenerAddr asks Envoy where it listens.
func listenerAddr(ctx context.Context, admin string) (string, error) {
	text, err := get(ctx, admin+"/listeners?format=json")
	if err != nil {
		return "", err
	}
	var list struct {
		Statuses []struct {
			Name  string `json:"name"`
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return "", err
	}
	for _, s := range list.Statuses {
		if s.Name == envoy.ListenerName && s.Local.Socket.Port > 0 {
			return net.JoinHostPort(s.Local.Socket.Address, strconv.Itoa(s.Local.Socket.Port)), nil
		}
	}
	return "", errors.New("no listener yet")
}

// streams is how many calls Envoy has opened.
func (r *rig) streams(ctx context.Context) (int, error) {
	text, err := get(ctx, r.admin+"/stats?filter=ext_proc.*streams_started")
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

package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/envoy"
)

const anyPort = "127.0.0.1:0"

// EnvoyOptions say how to run Envoy.
type EnvoyOptions struct {
	// Config is what to render. Listen, Admin and AccessLog are replaced.
	Config envoy.Options
	// Edit changes the configuration before it is used, for what Config has no option
	// for. Without it the very bytes of [envoy.Render] are used.
	Edit func(*bootstrapv3.Bootstrap)
	// Binary is the program, that of [EnvoyBinary] by default.
	Binary string
	// Concurrency is the number of workers, 1 by default.
	Concurrency int
}

// Envoy is a running Envoy.
type Envoy struct {
	*Process
	*Admin
	// Addr is the host:port of its listener.
	Addr string
	// dir holds its configuration and access log.
	dir string
}

// StartEnvoy renders a configuration, runs Envoy with it and waits until it takes requests.
func StartEnvoy(tb testing.TB, o EnvoyOptions) *Envoy {
	tb.Helper()
	binary := o.Binary
	if binary == "" {
		binary = EnvoyBinary(tb)
	}
	dir := tb.TempDir()
	o.Config.Listen, o.Config.Admin = anyPort, anyPort
	o.Config.AccessLog = filepath.Join(dir, "access.log")
	config := writeConfig(tb, dir, &o)

	adminPath := filepath.Join(dir, "admin")
	cmd := exec.Command(binary,
		"--config-path", config,
		"--concurrency", strconv.Itoa(max(1, o.Concurrency)),
		"--admin-address-path", adminPath,
		"--disable-hot-restart",
		"--file-flush-interval-msec", "20",
		"--log-level", "warning",
	)
	e := &Envoy{Process: StartProcess(tb, "envoy", cmd), dir: dir}
	tb.Cleanup(func() {
		if tb.Failed() {
			e.keepState(tb)
		}
	})
	e.awaitReady(tb, adminPath)
	return e
}

// PatientTimeout is a message timeout that only a processor which hangs reaches, however busy the machine is.
const PatientTimeout = 2 * time.Second

// StartDesign runs Envoy with one design, in front of an application and processors, with [PatientTimeout].
func StartDesign(tb testing.TB, d envoy.Design, app string, processors ...string) *Envoy {
	tb.Helper()
	o := envoy.DefaultOptions(d)
	o.Upstream, o.Processors, o.MessageTimeout = app, processors, PatientTimeout
	return StartEnvoy(tb, EnvoyOptions{Config: o})
}

func writeConfig(tb testing.TB, dir string, o *EnvoyOptions) string {
	tb.Helper()
	path := filepath.Join(dir, "envoy.yaml")
	text, err := envoy.Render(o.Config)
	if o.Edit != nil && err == nil {
		path = filepath.Join(dir, "envoy.json")
		text, err = edited(o)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		tb.Fatalf("configuring Envoy: %v", err)
	}
	return path
}

func edited(o *EnvoyOptions) ([]byte, error) {
	boot, err := envoy.Bootstrap(o.Config)
	if err != nil {
		return nil, err
	}
	o.Edit(boot)
	return protojson.Marshal(boot)
}

func (e *Envoy) awaitReady(tb testing.TB, adminPath string) {
	tb.Helper()
	Eventually(tb, "Envoy", func() error {
		if err := e.ended(); err != nil {
			return err
		}
		addr, err := os.ReadFile(adminPath)
		if err != nil || len(addr) == 0 {
			return fmt.Errorf("no admin address yet: %w", err)
		}
		e.Admin = &Admin{addr: strings.TrimSpace(string(addr))}
		if _, err := e.get(context.Background(), "/ready"); err != nil {
			return err
		}
		e.Addr, err = e.listenerAddr(context.Background(), envoy.ListenerName)
		return err
	})
}

// LogEntry is one line of the access log; a member is nil when it has no value.
type LogEntry map[string]any

// Text is a member as a string; "" when there is none.
func (l LogEntry) Text(member string) string {
	if l[member] == nil {
		return ""
	}
	return fmt.Sprint(l[member])
}

// AccessLog is what Envoy has logged so far. Lines follow their responses by some milliseconds.
func (e *Envoy) AccessLog(tb testing.TB) []LogEntry {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "access.log"))
	if err != nil {
		tb.Fatalf("reading the access log: %v", err)
	}
	var out []LogEntry
	for line := range strings.Lines(string(text)) {
		var entry LogEntry
		if json.Unmarshal([]byte(line), &entry) == nil {
			out = append(out, entry)
		}
	}
	return out
}

// AwaitLog waits for the access log entry of the request with this path.
func (e *Envoy) AwaitLog(tb testing.TB, path string) LogEntry {
	tb.Helper()
	var found LogEntry
	Eventually(tb, "access log of "+path, func() error {
		for _, entry := range e.AccessLog(tb) {
			if entry.Text("path") == path {
				found = entry
				return nil
			}
		}
		return fmt.Errorf("no line yet")
	})
	return found
}

// keepState keeps what explains a failure and is lost with the process.
func (e *Envoy) keepState(tb testing.TB) {
	if e.Admin != nil && e.ended() == nil {
		for name, path := range map[string]string{
			"envoy-config-dump.json": "/config_dump",
			"envoy-stats.txt":        "/stats?usedonly",
			"envoy-clusters.txt":     "/clusters",
		} {
			if body, err := e.get(context.Background(), path); err == nil {
				keep(tb, name, body)
			}
		}
	}
	for _, name := range []string{"envoy.yaml", "envoy.json", "access.log"} {
		if text, err := os.ReadFile(filepath.Join(e.dir, name)); err == nil {
			keep(tb, name, text)
		}
	}
}

package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
)

// direct is the variable that makes this program serve with a log that is written directly: the control.
const direct = "CORSGATE_TEST_DIRECT_LOG"

func TestMain(m *testing.M) {
	if os.Getenv(direct) != "" {
		os.Exit(serveDirectly(os.Args[2:]))
	}
	os.Exit(harness.Run(m))
}

// serveDirectly is corsgate serve without queues, and without anything about signals but for SIGTERM.
func serveDirectly(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	err := flags.Parse(args)
	if err == nil {
		var a *app.App
		if a, err = app.New(ctx, s, app.Log{Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil))}); err == nil {
			err = a.Run(ctx)
		}
	}
	if err != nil {
		return 1
	}
	return 0
}

const (
	host   = "api.acme.example"
	listed = "https://app.acme.example"
)

func document(origins ...string) string {
	return fmt.Sprintf("{id: acme, hosts: [%s], policy: {origins: [%s]}}\n", host, strings.Join(origins, ", "))
}

// lab is a corsgate whose log goes to a pipe, behind Envoy.
type lab struct {
	*testing.T
	*harness.Processor
	pipe    *harness.Pipe
	envoy   *harness.Envoy
	tenants string
}

// both runs a test on corsgate, and its control on the program that writes its log directly.
func both(t *testing.T, args func(*testing.T) []string, test, control func(*lab)) {
	t.Helper()
	t.Parallel()
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		test(newLab(t, harness.ProcessorOptions{Args: args(t)}))
	})
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		control(newLab(t, harness.ProcessorOptions{Args: args(t), Program: self(t), Env: []string{direct + "=1"}}))
	})
}

// self is this program, which [direct] turns into the control.
func self(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// plain are no further flags.
func plain(*testing.T) []string { return nil }

func newLab(t *testing.T, o harness.ProcessorOptions) *lab {
	t.Helper()
	l := &lab{T: t, pipe: harness.NewPipe(t), tenants: filepath.Join(t.TempDir(), "tenants.yaml")}
	l.edit(document(listed))
	o.Output = l.pipe
	o.Args = append([]string{"--decision-log", "all", "--drain-delay", "0s", "--stop-timeout", "5s", "--admin-profiles"}, o.Args...)
	if !strings.Contains(strings.Join(o.Args, " "), "--redis") {
		o.Tenants = l.tenants
	}
	o.NoWait = o.NoWait || strings.Contains(strings.Join(o.Args, " "), "--tls") // its health is behind TLS, too
	l.Processor = harness.StartProcessor(t, o)
	killLast(t, l.Process)
	return l
}

// killLast kills a process that the test has not ended: a control may not end otherwise.
func killLast(t *testing.T, p *harness.Process) {
	t.Cleanup(func() {
		select {
		case <-p.Done():
		default:
			p.Signal(t, syscall.SIGKILL)
		}
	})
}

// edge puts Envoy in front.
func (l *lab) edge(tls *envoy.TLS) {
	l.Helper()
	o := envoy.DefaultOptions(envoy.Metadata)
	o.Upstream, o.Processors, o.MessageTimeout, o.ProcessorTLS = harness.StartApp(l.T).Addr, []string{l.Addr}, harness.PatientTimeout, tls
	l.envoy = harness.StartEnvoy(l.T, harness.EnvoyOptions{Config: o})
	l.envoy.AwaitProcessors(l.T, 1)
}

func (l *lab) edit(text string) {
	l.Helper()
	if err := errors.Join(os.WriteFile(l.tenants+".new", []byte(text), 0o600), os.Rename(l.tenants+".new", l.tenants)); err != nil {
		l.Fatal(err)
	}
}

// granted reports whether the listed origin is allowed now.
func (l *lab) granted() bool {
	l.Helper()
	got := harness.Exchange(l.T, l.envoy.Addr, harness.Request("GET", "/", host, [2]string{"origin", listed}))
	return got.Get("access-control-allow-origin") == listed
}

func (l *lab) awaitGrant(want bool) {
	l.Helper()
	harness.Eventually(l.T, fmt.Sprintf("the grant to be %t", want), func() error {
		if l.granted() != want {
			return errors.New("it is not")
		}
		return nil
	})
}

// denied has n preflights refused, each with a line of the log of half a kilobyte.
func (l *lab) denied(n int) {
	l.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: harness.Patience}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range n / 8 {
				r, err := http.NewRequestWithContext(l.Context(), http.MethodOptions, "http://"+l.envoy.Addr+"/", http.NoBody)
				if err != nil {
					l.Error(err)
					return
				}
				r.Host = host
				r.Header.Set("Origin", "https://"+strings.Repeat("x", 60)+"."+strings.Repeat("y.", 100)+"example")
				r.Header.Set("Access-Control-Request-Method", "PUT")
				resp, err := client.Do(r)
				if err != nil {
					l.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusForbidden {
					l.Errorf("a foreign preflight: %d", resp.StatusCode)
				}
			}
		})
	}
	group.Wait()
}

// block has the reader of the log stop, and the pipe fill: it holds 64 KiB.
func (l *lab) block() {
	l.Helper()
	l.pipe.Stall(l.T)
	l.denied(400)
}

// page asks the admin side.
func (l *lab) page(path string) string {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), harness.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.AdminAddr+path, http.NoBody)
	if err != nil {
		l.Fatal(err)
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.Fatalf("%s: %d, %v\n%s", path, resp.StatusCode, err, body)
	}
	return string(body)
}

// lost is a count of lines that were lost.
func (l *lab) lost(why string) (n float64) {
	l.Helper()
	for line := range strings.Lines(l.page("/metrics")) {
		if value, ok := strings.CutPrefix(line, `cors_log_dropped_total{cors_log_drop="`+why+`"} `); ok {
			if _, err := fmt.Sscan(value, &n); err != nil {
				l.Fatalf("%q: %v", line, err)
			}
			return n
		}
	}
	l.Fatalf("no count of %s", why)
	return 0
}

// awaitLog waits for a text in what was read of the log.
func (l *lab) awaitLog(text string) {
	l.Helper()
	harness.Eventually(l.T, "the log to say "+text, func() error {
		if !strings.Contains(l.Processor.Log(), text) {
			return errors.New("it does not")
		}
		return nil
	})
}

// awaitStuck waits until a goroutine with this function stands still in the log, and stays there: nothing will free it.
func (l *lab) awaitStuck(function string) {
	l.Helper()
	harness.Eventually(l.T, function+" to wait for the log", func() error {
		for stack := range strings.SplitSeq(l.page("/debug/pprof/goroutine?debug=2"), "\n\n") {
			if strings.Contains(stack, function) && strings.Contains(stack, "log/slog.(*commonHandler).handle") {
				return nil
			}
		}
		return errors.New("it does not")
	})
}

// end wants the process to end well after SIGTERM.
func (l *lab) end() {
	l.Helper()
	l.Signal(l.T, syscall.SIGTERM)
	if err := l.Wait(l.T); err != nil {
		l.Errorf("after SIGTERM: %v", err)
	}
}

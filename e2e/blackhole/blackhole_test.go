package blackhole

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

const (
	tenants = "id: acme\nhosts: [api.acme.example]\npolicy: {origins: [https://app.acme.example], credentials: true}\n"
	listed  = "https://app.acme.example"
	other   = "https://evil.example"

	outage = time.Minute
	// maxGrowth is the memory that the queues may take.
	maxGrowth = 64 << 20
)

// F97: a collector that takes connections and answers nothing changes no decision, and what waits for it is bounded.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	collector := blackHole(t)
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(path, []byte(tenants), 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.StartProcessor(t, harness.ProcessorOptions{
		Tenants: path,
		Args:    []string{"--decision-log", "all", "--max-spans", "10000"},
		Env: []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collector, "OTEL_TRACES_SAMPLER=always_on", "OTEL_METRIC_EXPORT_INTERVAL=1000",
		},
	})
	app := harness.StartApp(t)
	e := harness.StartDesign(t, envoy.Metadata, app.Addr, p.Addr)

	load := harness.StartLoad(t, harness.Load{
		Workers: 8, Rate: 400,
		Request: func(i int) *http.Request {
			r, _ := http.NewRequest(http.MethodGet, "http://"+e.Addr+"/", http.NoBody) // cannot fail
			r.Host = "api.acme.example"
			r.Header.Set("Origin", [2]string{listed, other}[i%2])
			return r
		},
		Check: func(r *http.Response) string {
			want := ""
			if r.Request.Header.Get("Origin") == listed {
				want = listed
			}
			if r.StatusCode != http.StatusOK || r.Header.Get("Access-Control-Allow-Origin") != want {
				return "not as the policy says"
			}
			return ""
		},
	})
	load.Await(t, 1000)
	before := resident(t, p.PID())
	timer := time.NewTimer(outage)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	after := resident(t, p.PID())
	report := load.Stop()
	t.Logf("%s; resident memory from %d to %d MiB", report, before>>20, after>>20)
	if report.Failed() > 0 || report.Requests < 1000 {
		t.Errorf("decisions suffered: %s", report)
	}
	if after-before > maxGrowth {
		t.Errorf("memory grew by %d MiB", (after-before)>>20)
	}
	if dropped := metric(t, p.AdminAddr, `cors_spans_dropped_total{cors_span_drop="export"}`); dropped == 0 {
		t.Error("no span was lost: did the collector answer?")
	}
	p.Signal(t, syscall.SIGTERM)
	if err := p.Wait(t); err != nil {
		t.Errorf("the process did not stop in order: %v", err)
	}
}

// blackHole takes connections and reads until the test ends.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // until it is closed
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// resident is the memory of a process, in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatal("no VmRSS")
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// metric is one sample of a scrape.
func metric(t *testing.T, admin, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in the scrape", name)
	return 0
}

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/wire"
)

// Alerts read these counters. What each failure raises is not documented by Envoy: this is.
func TestCountersForAlerts(t *testing.T) {
	t.Parallel()
	type counts map[string]float64
	for _, design := range designs() {
		t.Run(string(design), func(t *testing.T) {
			t.Parallel()
			app := harness.StartApp(t)
			p := harness.StartScripted(t, "", obliging)
			e := harness.StartDesign(t, design, app.Addr, p.Addr)
			e.AwaitProcessors(t, 1)
			everyNameOfThePage(t, e)

			steps := []struct {
				name string
				do   func()
				want counts
			}{
				{"answered", func() {}, counts{"streams_started": 1}},
				{
					"hangs", func() { p.SetScript(hang) },
					counts{"streams_started": 1, "message_timeouts": 1, "failure_mode_allowed": 1},
				},
				{
					"fails", func() { p.SetScript(boom) },
					counts{"streams_started": 1, "streams_failed": 1, "failure_mode_allowed": 1},
				},
				{
					"is gone", func() { p.Stop(); e.AwaitProcessors(t, 0) },
					counts{"streams_failed": 1, "failure_mode_allowed": 1},
				},
			}
			for _, step := range steps {
				step.do()
				before := e.Prometheus(t)
				for method, origin := range map[string]string{"OPTIONS": listed, "GET": "http://" + host, "POST": listed} {
					harness.Exchange(t, e.Addr, harness.Request(method, "/", host,
						[2]string{"Origin", origin}, [2]string{"Access-Control-Request-Method", "PUT"}))
				}
				after := e.Prometheus(t)
				for _, call := range calls() {
					for _, counter := range []string{"streams_started", "streams_failed", "message_timeouts", "failure_mode_allowed"} {
						want := step.want[counter]
						if counter == "failure_mode_allowed" && (call != envoy.CallActual) {
							want = 0
						}
						name := "envoy_http_ext_proc_" + call + "_" + counter + `{envoy_http_conn_manager_prefix="edge"}`
						if got := after[name] - before[name]; got != want {
							t.Errorf("a processor that %s raises %s by %v, want %v", step.name, name, got, want)
						}
					}
				}
			}
			preflightTimes(t, e)
		})
	}
}

// calls are the ways in which Envoy asks.
func calls() []string {
	return []string{envoy.CallPreflight, envoy.CallActual, envoy.CallActualClosed}
}

func hang(harness.Asked) (*extprocv3.ProcessingResponse, error) { return nil, harness.ErrHang }

func boom(harness.Asked) (*extprocv3.ProcessingResponse, error) {
	return nil, status.Error(codes.Internal, "boom")
}

// everyNameOfThePage looks the names of docs/envoy.md up before any request was made.
func everyNameOfThePage(t *testing.T, e *harness.Envoy) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(harness.RepoRoot(), "docs", "envoy.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for sample := range e.Prometheus(t) {
		name, _, _ := strings.Cut(sample, "{")
		there[name] = true
	}
	rows := regexp.MustCompile("(?m)^\\| `(envoy_[A-Za-z_]+)` \\| (counter|gauge) ").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 9 {
		t.Errorf("found %d counters in docs/envoy.md, want at least 9", len(rows))
	}
	for _, row := range rows {
		for _, call := range calls() {
			if name := strings.Replace(row[1], "CALL", call, 1); !there[name] {
				t.Errorf("Envoy has no %s, which docs/envoy.md names", name)
			}
		}
	}
}

// preflightTimes waits for the histogram: Envoy merges the workers' share every 5 seconds.
func preflightTimes(t *testing.T, e *harness.Envoy) {
	t.Helper()
	want := map[string]float64{"allowed": 1, "": 3}
	harness.Eventually(t, "the histogram of preflights", func() error {
		got := e.Prometheus(t)
		for outcome, n := range want {
			name := fmt.Sprintf(`envoy_cors_preflight_duration_ms_count{cors_outcome=%q}`, outcome)
			if got[name] != n {
				return fmt.Errorf("%s is %v, want %v", name, got[name], n)
			}
			if _, ok := got[fmt.Sprintf(`envoy_cors_preflight_duration_ms_bucket{cors_outcome=%q,le="200"}`, outcome)]; !ok {
				return fmt.Errorf("outcome %q has no bound of 200 ms", outcome)
			}
		}
		return nil
	})
}

// Whatever a processor calls its decisions, the series of the histogram stay few.
func TestPreflightSeriesAreBounded(t *testing.T) {
	t.Parallel()
	n := 0
	p := harness.StartScripted(t, "", func(a harness.Asked) (*extprocv3.ProcessingResponse, error) {
		resp, err := obliging(a)
		n++ // one request at a time
		resp.DynamicMetadata = decided(wire.MetaDecision, fmt.Sprintf("invented-%d", n))
		return resp, err
	})
	app := harness.StartApp(t)
	e := harness.StartDesign(t, envoy.Metadata, app.Addr, p.Addr)
	e.AwaitProcessors(t, 1)
	const asked = 50
	for range asked {
		harness.Exchange(t, e.Addr, harness.Request("OPTIONS", "/", host,
			[2]string{"Origin", listed}, [2]string{"Access-Control-Request-Method", "PUT"}))
	}
	harness.Eventually(t, "the histogram of preflights", func() error {
		series, sum := 0, 0.0
		for sample, value := range e.Prometheus(t) {
			if strings.HasPrefix(sample, "envoy_cors_preflight_duration_ms_count") {
				series++
				sum += value
			}
		}
		if series > 8 {
			t.Fatalf("%d invented outcomes made %d series", asked, series)
		}
		if sum == 0 {
			return fmt.Errorf("nothing was counted yet")
		}
		return nil
	})
}

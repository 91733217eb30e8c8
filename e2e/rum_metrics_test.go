package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
)

// rumAddr reads from its log where the process collects reports.
func rumAddr(t *testing.T, p *harness.Processor) string {
	t.Helper()
	for line := range strings.Lines(p.Log()) {
		var entry struct{ Msg, RUM string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			return entry.RUM
		}
	}
	t.Fatal("the log does not say where reports are collected")
	return ""
}

// checkRUMMetrics follows reports from the browser to the metrics of the process that also decided: it
// believes pages that it refused itself.
func checkRUMMetrics(t *testing.T, b *rumLab) {
	const blocked = `return await viaFetch(api + "/hello")`
	before := rumMetrics(t, b.process)
	if len(before) != 15 {
		t.Errorf("%d series at the start, want all 15 at once: %v", len(before), before)
	}
	b.visit(t, b.pages["evil"]+"/", blocked)
	b.visit(t, b.pages["app"]+"/", `return [await viaFetch(api + "/hidden"), await viaXHR(api + "/hello", {credentials: "include"}), await viaFetch(down)]`)
	want := map[string]float64{
		`reports{cors_rum_result="accepted"}`:                                    3,
		`requests{cors_rum_credentials="false",cors_rum_verdict="cors_blocked"}`: 1,
		`requests{cors_rum_credentials="false",cors_rum_verdict="ok"}`:           1,
		`requests{cors_rum_credentials="true",cors_rum_verdict="ok"}`:            1,
		`requests{cors_rum_credentials="false",cors_rum_verdict="network"}`:      1,
		`networks`:        1,
		`exposed_missing`: 1,
	}
	harness.Eventually(t, "the metrics", func() error {
		moved := rumMetrics(t, b.process)
		maps.DeleteFunc(moved, func(_ string, value float64) bool { return value == 0 })
		if diff := cmp.Diff(want, moved); diff != "" {
			return fmt.Errorf("what moved (-want +got):\n%s", diff)
		}
		return nil
	})
	if log := b.process.Log(); strings.Contains(log, "/.well-known/") {
		t.Errorf("the log speaks of reports:\n%s", log)
	}
}

// rumMetrics scrapes what is counted of reports, without "cors_rum_" and "_total".
func rumMetrics(t *testing.T, p *harness.Processor) map[string]float64 {
	t.Helper()
	resp, err := http.Get("http://" + p.AdminAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "cors_rum_"); found {
			var value float64
			at := strings.LastIndexByte(name, ' ')
			if _, err := fmt.Sscan(name[at+1:], &value); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			series[strings.Replace(name[:at], "_total", "", 1)] = value
		}
	}
	return series
}

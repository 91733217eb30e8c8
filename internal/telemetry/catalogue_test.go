package telemetry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/corsgate/corsgate/internal/vectors"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// TestCatalogueIsWhatIsScraped: every metric of the catalogue is in a live scrape, of its kind, with its labels and
// no other values, and nothing else is.
func TestCatalogueIsWhatIsScraped(t *testing.T) {
	tm := start(t, nil)
	busy(tm)
	_, families := scrape(t, tm)
	kinds := map[Kind]dto.MetricType{Counter: dto.MetricType_COUNTER, Gauge: dto.MetricType_GAUGE, Histogram: dto.MetricType_HISTOGRAM}
	for _, m := range Catalogue(DefaultTiers()) {
		f := families[m.Prometheus()]
		if f == nil {
			if m.Name != "go.memory.limit" && m.Name != "process.resident_memory" { // as the machine has it
				t.Errorf("%s is not in a scrape", m.Prometheus())
			}
			continue
		}
		delete(families, m.Prometheus())
		if f.GetType() != kinds[m.Kind] || f.GetHelp() != m.Help {
			t.Errorf("%s is a %s, %q; want a %s, %q", m.Prometheus(), f.GetType(), f.GetHelp(), m.Kind, m.Help)
		}
		if n := len(f.GetMetric()); n > m.Most {
			t.Errorf("%s has %d sets of labels, more than %d", m.Name, n, m.Most)
		}
		checkLabels(t, &m, f)
		checkBounds(t, &m, f)
	}
	for name := range families {
		t.Errorf("%s is in a scrape and not in the catalogue", name)
	}
}

func checkBounds(t *testing.T, m *Metric, f *dto.MetricFamily) {
	t.Helper()
	for _, sample := range f.GetMetric() {
		var bounds []float64
		for _, b := range sample.GetHistogram().GetBucket() {
			bounds = append(bounds, b.GetUpperBound())
		}
		if !slices.Equal(bounds, m.Bounds) {
			t.Errorf("%s has the bounds %v, want %v", m.Name, bounds, m.Bounds)
		}
	}
}

func checkLabels(t *testing.T, m *Metric, f *dto.MetricFamily) {
	t.Helper()
	for _, sample := range f.GetMetric() {
		for _, l := range sample.GetLabel() {
			i := slices.IndexFunc(m.Labels, func(want Label) bool { return want.Prometheus() == l.GetName() })
			if i < 0 {
				t.Fatalf("%s has the label %s", m.Name, l.GetName())
			}
			if values := m.Labels[i].Values; values != nil && !slices.Contains(values, l.GetValue()) {
				t.Errorf("%s has %s=%q", m.Name, l.GetName(), l.GetValue())
			}
		}
	}
}

// busy makes every metric have a value.
func busy(tm *Telemetry) {
	for _, o := range []*server.Observation{grant("acme", "https://a.example"), denial("acme", "https://b.example"), failure()} {
		o.Shadow = tenant.ShadowWouldAllow
		tm.Observe(o)
	}
	tm.Operation("MULTI", "", time.Millisecond)
	tm.Operation("XREAD", "timeout", time.Second)
	// The timer of stalls needs its time; what it measures is not asked.
	tm.stalled.Record(context.Background(), 0)
}

// TestSeriesAreBounded: whatever happens, there are at most MaxSeries.
func TestSeriesAreBounded(t *testing.T) {
	most := 0
	for _, m := range Catalogue(DefaultTiers()) {
		most += m.Series()
	}
	if most > MaxSeries {
		t.Errorf("the catalogue admits %d series, more than %d", most, MaxSeries)
	}
	t.Logf("at most %d series", most)
}

// TestHostileInputMakesNoSeries: a million random origins, hosts and methods leave the series as they were.
func TestHostileInputMakesNoSeries(t *testing.T) {
	t.Parallel()
	tm := start(t, nil)
	busy(tm)
	for i := range topTenants + topNames { // fill the list of tenants first
		tm.Observe(denial(fmt.Sprintf("tenant-%d", i), "https://x.example"))
	}
	before, families := scrape(t, tm)
	n := series(families)
	total := 1_000_000
	if testing.Short() {
		total = 10_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range total {
		o := denial("acme", "https://"+strconv.Itoa(i)+".evil.example")
		o.Request.Method = "M" + strconv.Itoa(random.Int())
		o.Request.Authority = "h" + strconv.Itoa(random.Int()) + "\x00\xff.example"
		o.Key.Authority = o.Request.Authority
		if i%3 == 0 {
			o.Tenant, o.Reason = "", policy.TenantUnknown
		}
		tm.Observe(o)
	}
	after, families := scrape(t, tm)
	// A million denials can only have come to reasons that were there.
	if got := series(families); got != n {
		t.Errorf("%d series became %d", n, got)
		for _, key := range sorted(after) {
			if _, old := before[key]; !old {
				t.Errorf("new: %s", key)
			}
		}
	}
	for key := range after {
		if strings.Contains(key, "evil") || strings.Contains(key, "h1") {
			t.Errorf("hostile text in %s", key)
		}
	}
	if len(tm.denied.tenants) > deniedTenants || len(tm.denied.tenants["acme"].sketch.slots) != deniedOrigins {
		t.Errorf("%d tenants, %d origins are remembered", len(tm.denied.tenants), len(tm.denied.tenants["acme"].sketch.slots))
	}
}

// TestCorpusIsLegal: every decision of the corpus has a series that was there before it.
func TestCorpusIsLegal(t *testing.T) {
	files, err := vectors.Load("../../policy/testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	tm := start(t, nil)
	seen := map[cell]bool{}
	for _, group := range vectors.Groups(files) {
		for _, f := range group {
			for i := range f.Cases {
				c := &f.Cases[i]
				r, ok := policy.ParseReason(c.Want.Reason)
				kind := slices.IndexFunc(allKinds(), func(k policy.Kind) bool { return k.String() == c.Want.Kind })
				outcome := slices.Index(tm.list.labels("cors.decisions")[1].Values, c.Want.Outcome)
				if !ok || kind < 0 || outcome < 0 {
					t.Fatalf("%s/%s: %+v", f.Name, c.Name, c.Want)
				}
				at := cell{phaseOf(allKinds()[kind]), policy.Outcome(outcome), r, len(tm.cfg.Tiers)}
				seen[at] = true
				if !tm.decisions.total.shown[tm.decisions.index(at)] {
					t.Errorf("%s/%s: no series for %+v", f.Name, c.Name, at)
				}
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("the corpus has %d kinds of decisions; is it all there?", len(seen))
	}
}

func allKinds() []policy.Kind {
	return []policy.Kind{policy.NotCORS, policy.Preflight, policy.Actual, policy.SameOrigin, policy.WebSocket, policy.Exempt, policy.Unseen}
}

// TestEveryReasonHasASeries, so that none is lost.
func TestEveryReasonHasASeries(t *testing.T) {
	got := map[policy.Reason]bool{}
	for c := range legalDecisions(1) {
		got[c.reason] = true
	}
	for r := range policy.Reasons() {
		if !got[r] {
			t.Errorf("%s is in no legal decision", r)
		}
	}
}

// TestScrape: both formats, with exemplars for those that ask for OpenMetrics.
func TestScrape(t *testing.T) {
	tm := start(t, func(cfg *Config) { cfg.Sampling = Ratio(1) })
	recorded(t, tm)
	tm.Observe(grant("acme", "https://a.example"))
	for accept, want := range map[string]string{
		"text/plain":                       "cors_decision_duration_seconds_bucket{",
		"application/openmetrics-text":     "trace_id=\"",
		"text/plain;version=0.0.4;q=0.5,*": "cors_decisions_total{",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
		r.Header.Set("Accept", accept)
		tm.Metrics().ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, without %q", accept, w.Code, want)
		}
	}
}

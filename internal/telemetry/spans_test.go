package telemetry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// TestSampling: what Envoy decided counts, then the outcome.
func TestSampling(t *testing.T) {
	errorsOnly := Sampling{Errors: 1, Loads: 1}
	alone := Ratio(1)
	alone.Alone = true
	waited := grant("acme", "https://a.example")
	waited.Waited = true
	tests := []struct {
		name string
		s    Sampling
		o    *server.Observation
		want bool
	}{
		{"a sampled trace", Sampling{}, under(grant("acme", ""), true), true},
		{"an unsampled trace", Ratio(1), under(failure(), false), false},
		{"an unsampled trace, when we decide alone", alone, under(grant("acme", ""), false), true},
		{"no trace: allowed", errorsOnly, grant("acme", ""), false},
		{"no trace: denied", errorsOnly, denial("acme", ""), false},
		{"no trace: an error", errorsOnly, failure(), true},
		{"no trace: a load", errorsOnly, waited, true},
		{"no trace: all", Ratio(1), grant("acme", ""), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tm := start(t, func(cfg *Config) { cfg.Sampling = tt.s })
			r := recorded(t, tm)
			tm.Observe(tt.o)
			if got := len(r.Ended()) == 1; got != tt.want {
				t.Errorf("a span: %t, want %t", got, tt.want)
			}
		})
	}
}

// TestSamplingRatio: a share is about that.
func TestSamplingRatio(t *testing.T) {
	s := DefaultSampling()
	o, n := denial("acme", ""), 0
	for range 100_000 {
		if s.wants(o) {
			n++
		}
	}
	if n < 700 || n > 1300 { // ten standard deviations
		t.Errorf("%d of 100,000 denials, want about 1,000", n)
	}
}

// TestLimit: so many in each second, and no more.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(3)
		for second := range 3 {
			for i := range 5 {
				if got := l.allow(time.Now()); got != (i < 3) {
					t.Errorf("second %d, number %d: %t", second, i, got)
				}
			}
			if l.allow(time.Now().Add(-time.Hour)) {
				t.Error("a clock that is behind opens the limit")
			}
			<-time.After(time.Second)
		}
		if !newLimit(0).allow(time.Now()) {
			t.Error("no limit refuses")
		}
	})
}

// TestSpanCap: above the cap spans are counted, not made.
func TestSpanCap(t *testing.T) {
	tm := start(t, func(cfg *Config) { cfg.Sampling = Sampling{Errors: 1, PerSecond: 5} })
	r := recorded(t, tm)
	for range 1000 {
		tm.Observe(failure())
	}
	made := len(r.Ended())
	if made < 5 || made > 20 { // a few seconds on a slow machine
		t.Errorf("%d spans", made)
	}
	if samples, _ := scrape(t, tm); int(samples["cors_spans_dropped_total{cors_span_drop=cap}"]) != 1000-made {
		t.Errorf("%v dropped, %d made", samples["cors_spans_dropped_total{cors_span_drop=cap}"], made)
	}
}

// TestSpan: attributes, status, times and parent.
func TestSpan(t *testing.T) {
	tm := start(t, nil)
	r := recorded(t, tm)
	o := under(denial("acme", "https://evil.example\x00"), true)
	state, err := trace.ParseTraceState("a=b")
	if err != nil {
		t.Fatal(err)
	}
	o.Parent = o.Parent.WithTraceState(state)
	o.Tier, o.Revision, o.Variant, o.Answered = "gold", 12, tenant.VariantCandidate, true
	o.Status = 403
	o.Request.Method = "EVIL\n"
	o.RequestID = []byte("id\xff")
	tm.Observe(o)
	tm.Observe(under(failure(), true))
	spans := r.Ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	got := attributes(spans[0])
	want := map[string]string{
		"cors.phase": "actual", "cors.outcome": "denied", "cors.reason": "origin_not_listed", "cors.callback": "request",
		"cors.policy.source": "live", "cors.cache": "hit", "http.request.method": "_OTHER", "cors.tenant.id": "acme",
		"cors.tenant.tier": "gold", "url.scheme": "https", "cors.origin": `https://evil.example\x00`, "server.address": "api.example",
		"cors.request.id": `id\xff`, "cors.policy.version": "12", "http.response.status_code": "403",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if s := spans[0]; s.Name() != "cors.decide" || s.Parent().SpanID() != o.Parent.SpanID() || s.SpanContext().TraceState().String() != "a=b" ||
		s.Status().Code != codes.Unset || !s.StartTime().Equal(o.Received) || s.EndTime().Sub(s.StartTime()) != o.Duration || len(s.Events()) != 1 {
		t.Errorf("span %s %v %v %s–%s %v", s.Name(), s.Parent(), s.Status(), s.StartTime(), s.EndTime(), s.Events())
	}
	if s := spans[1]; s.Status().Code != codes.Error || attributes(s)["error.type"] != "store_unavailable" {
		t.Errorf("an error: %v %v", s.Status(), attributes(s))
	}
}

// TestSpanWithoutOrigins: what clients send stays out where it shall.
func TestSpanWithoutOrigins(t *testing.T) {
	tm := start(t, func(cfg *Config) { cfg.Origins = false })
	r := recorded(t, tm)
	tm.Observe(under(denial("acme", "https://evil.example"), true))
	for key, value := range attributes(r.Ended()[0]) {
		if strings.Contains(value, ".example") {
			t.Errorf("%s=%s", key, value)
		}
	}
}

// TestObserveAllocates nothing for what is neither sampled nor logged.
func TestObserveAllocates(t *testing.T) {
	tm := start(t, func(cfg *Config) { cfg.Decisions = LogOff })
	recorded(t, tm)
	allowed := under(grant("acme", "https://a.example"), false)
	refused := denial("acme", "https://b.example")
	tm.Observe(refused)
	for name, o := range map[string]*server.Observation{"allowed": allowed, "denied": refused} {
		if n := testing.AllocsPerRun(1000, func() { tm.Observe(o) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkObserve is what telemetry costs each decision.
func BenchmarkObserve(b *testing.B) {
	for _, bb := range []struct {
		name string
		o    *server.Observation
	}{
		{"allowed", grant("acme", "https://a.example")},
		{"allowed, in an unsampled trace", under(grant("acme", "https://a.example"), false)},
		{"denied", denial("acme", "https://b.example")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			tm := start(b, func(cfg *Config) { cfg.Sampling = DefaultSampling() })
			b.ReportAllocs()
			for b.Loop() {
				tm.Observe(bb.o)
			}
		})
	}
}

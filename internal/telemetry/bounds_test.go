package telemetry

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
)

// grown is by how many bytes the heap grew while do ran, of what do returned.
func grown(do func() any) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := do()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// huge is a denial each of whose texts is as long as the server lets it be.
func huge(i int) *server.Observation {
	text := func() string { return strings.Repeat("x", 8<<10) }
	o := denial("acme", fmt.Sprint("https://", i, ".example/", text()))
	o.Request.RequestHeaders, o.Request.PrivateNetwork, o.Request.Scheme = text(), text(), text()
	o.Key.Hint, o.Key.Path = text(), strings.Repeat("/", 60<<10)
	return o
}

// TestHostileTextsAreNotKept, neither in the list of refusals nor in a log that nobody takes.
func TestHostileTextsAreNotKept(t *testing.T) {
	refused := grown(func() any {
		d := newDenied()
		for i := range 1000 {
			o := huge(i % deniedOrigins)
			d.add(o, time.Now())
		}
		return d
	})
	if refused > 200<<10 {
		t.Errorf("%d bytes for %d refusals", refused, deniedOrigins)
	}
	queued := grown(func() any {
		tm, err := New(Config{Decisions: LogAll})
		if err != nil {
			t.Fatal(err)
		}
		for i := range logQueue {
			tm.Observe(huge(i))
		}
		return tm
	})
	if queued > 4<<20 {
		t.Errorf("%d bytes for a full queue", queued)
	}
}

// TestLongRequestIsShown with its own phase, cut, and not explained.
func TestLongRequestIsShown(t *testing.T) {
	d := newDenied()
	o := huge(1)
	d.add(o, time.Now())
	got := d.list("acme", 1, nil)[0].Denials[0]
	if got.Phase != policy.Actual.String() || got.Method != "GET" || !strings.HasSuffix(got.Path, "...") || got.Now != "" {
		t.Errorf("%+v", got)
	}
}

// TestListedTenants are those that were refused last, not the first of the alphabet.
func TestListedTenants(t *testing.T) {
	d := newDenied()
	for i, id := range []string{"a", "b", "c"} {
		o := denial(id, "https://evil.example")
		d.add(o, time.Unix(int64(i), 0))
	}
	if got := d.list("*", 2, nil); len(got) != 2 || got[0].Tenant != "b" || got[1].Tenant != "c" {
		t.Errorf("%+v", got)
	}
}

// TestFloodHidesNoDenial for longer than it lasts: what the rate refused is written at the next chance, counted.
func TestFloodHidesNoDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := written(t, nil, func(tm *Telemetry) {
			for i := range logDenials {
				tm.Observe(denial("acme", fmt.Sprintf("https://%d.evil.example", i)))
			}
			tm.Observe(denial("other", "https://app.example"))
			<-time.After(time.Second)
			tm.Observe(denial("other", "https://app.example"))
		})
		if len(got) != logDenials+1 || got[logDenials]["tenant"] != "other" || got[logDenials]["suppressed"] != 1.0 {
			t.Errorf("%d lines, the last %v", len(got), got[len(got)-1])
		}
	})
}

// TestTierIsEscaped: documents may call a tier anything.
func TestTierIsEscaped(t *testing.T) {
	o := failure()
	o.Tier = "\u009b31m"
	if got := written(t, nil, func(tm *Telemetry) { tm.Observe(o) }); got[0]["tier"] != `\xc2\x9b31m` {
		t.Errorf("%v", got[0]["tier"])
	}
}

// TestLostLines: what became of lines behind the log is in the scrape, beside the records that never came so far.
func TestLostLines(t *testing.T) {
	tm := start(t, func(cfg *Config) { cfg.LogLost = func() (dropped, failed int64) { return 2, 3 } })
	tm.log.overRate.Add(1)
	tm.log.overflow.Add(10)
	got, _ := scrape(t, tm)
	for drop, want := range map[string]float64{"rate": 1, "sink": 12, "failed": 3} {
		if n := got["cors_log_dropped_total{cors_log_drop="+drop+"}"]; n != want {
			t.Errorf("%s: %v, want %v", drop, n, want)
		}
	}
}

// TestExportersComplainInTheLog from the very first, when they read their variables.
func TestExportersComplainInTheLog(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	var w strings.Builder
	tm, err := New(Config{Traces: OTLPHTTP, Log: jsonLog(&w)})
	if err != nil {
		t.Fatal(err)
	}
	if err := tm.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	tm.Stop(t.Context())
	if len(lines(t, w.String())) == 0 {
		t.Error("a variable that cannot be read is not in the log")
	}
}

// TestFailureOfATenantIsLegal: a value that must not be sent is found when the tenant is known.
func TestFailureOfATenantIsLegal(t *testing.T) {
	tm := start(t, nil)
	before, families := scrape(t, tm)
	o := failure()
	o.Reason, o.Tier, o.Tenant, o.Rejected = policy.PolicyUnreadable, "gold", "acme", true
	tm.Observe(o)
	after, _ := scrape(t, tm)
	for key := range after {
		if _, old := before[key]; !old && families["cors_decisions_total"] != nil && strings.HasPrefix(key, "cors_decisions_total") {
			t.Errorf("new: %s", key)
		}
	}
}

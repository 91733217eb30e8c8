package telemetry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// FuzzSketch holds the sketch against exact counts: what occurs more often than one in size is there, a count is never too
// low, and too high by at most what it admits.
func FuzzSketch(f *testing.F) {
	f.Add([]byte("aaaabbbcddefgaaah"), 3)
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, keys []byte, size int) {
		if size < 1 || size > 64 {
			return
		}
		s := newSketch[byte, int](size)
		exact := map[byte]uint64{}
		for _, k := range keys {
			exact[k]++
			if s.add(k, nil).key != k {
				t.Fatal("another key's slot")
			}
		}
		if len(s.slots) > size || len(s.place) != len(s.slots) {
			t.Fatalf("%d slots and %d places of %d", len(s.slots), len(s.place), size)
		}
		for k, n := range exact {
			i, listed := s.place[k]
			if !listed {
				if n > uint64(len(keys)/size) {
					t.Errorf("%d occurs %d times of %d and is not listed", k, n, len(keys))
				}
				continue
			}
			if got := s.slots[i]; got.count < n || got.count-got.over > n {
				t.Errorf("%d occurs %d times; %d, at most %d too many", k, n, got.count, got.over)
			}
		}
	})
}

// TestTopTenants: bounded names, residence, and everything else as one.
func TestTopTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := newTopList()
		for i := range 60 {
			top.add(fmt.Sprint("t", i), time.Now())
		}
		if n := len(top.sketch.slots); n != topTenants || top.other != 10 {
			t.Errorf("%d named, %d others", n, top.other)
		}
		top.add("", time.Now())
		<-time.After(topResidence)
		top.add("late", time.Now())
		if !top.sketch.has("late") || len(top.sketch.slots) != topTenants {
			t.Error("nobody leaves after the residence")
		}
		for i := range 1000 {
			<-time.After(time.Second)
			top.add(fmt.Sprint("n", i), time.Now())
		}
		if len(top.named) != topNames {
			t.Errorf("%d names in a day, want %d", len(top.named), topNames)
		}
		<-time.After(24 * time.Hour)
		top.add("next day", time.Now())
		if !top.sketch.has("next day") {
			t.Error("a new day has no new names")
		}
	})
}

func TestDenials(t *testing.T) {
	tenants := tenanttest.New(t, `{id: acme, hosts: [api.example], policy: {origins: ["https://www.app.example"]}}`)
	explain := func(k tenant.Key, r *policy.Request) tenant.Explanation {
		v := tenants.Lookup(t.Context(), k)
		return v.Explain(r, policy.UnknownRefuse)
	}
	d := newDenied()
	for i := range 3 {
		o := denial("acme", "https://app.example")
		o.Request.Method = fmt.Sprint("M", i)
		d.add(o, time.Now())
	}
	allowedNow := denial("acme", "https://www.app.example")
	d.add(allowedNow, time.Now())
	stranger := denial("", "https://evil.example\x1b")
	stranger.Reason = policy.TenantUnknown
	d.add(stranger, time.Now())

	list := d.list("acme", 10, explain)
	if len(list) != 1 || len(list[0].Denials) != 2 {
		t.Fatalf("%+v", list)
	}
	first, second := list[0].Denials[0], list[0].Denials[1]
	if first.Count != 3 || first.Reason != "origin_not_listed" || first.Rule != "rule 30" || first.Method != "M2" || first.Now != "denied" ||
		len(first.Near) != 1 || first.Near[0].Kind != "www" || first.Near[0].Entry != "https://www.app.example" {
		t.Errorf("%+v", first)
	}
	if second.Now != "allowed" || len(second.Near) != 0 {
		t.Errorf("what is allowed by now: %+v", second)
	}
	all := d.list("*", 10, explain)
	if len(all) != 2 || all[0].Tenant != "" || all[0].Denials[0].Origin != `https://evil.example\x1b` {
		t.Errorf("%+v", all)
	}
	if got := d.list("nobody", 10, explain); got != nil {
		t.Errorf("a tenant that was not refused: %+v", got)
	}
	for origin, want := range map[string]bool{"https://app.example": true, "https://other.example": false} {
		if got := d.has("acme", origin); got != want {
			t.Errorf("%s among the denied: %t", origin, got)
		}
	}
}

// TestDenialsAreBounded: tenants and origins without end, of any length.
func TestDenialsAreBounded(t *testing.T) {
	d := newDenied()
	random := rand.New(rand.NewPCG(3, 4))
	long := string(make([]byte, 8<<10))
	for i := range 20_000 {
		o := denial(fmt.Sprint("t", random.IntN(3*deniedTenants)), fmt.Sprint(i, long))
		o.Request.RequestHeaders, o.Key.Path, o.Request.Method = long, long, long
		d.add(o, time.Now())
	}
	if len(d.tenants) != deniedTenants {
		t.Errorf("%d tenants", len(d.tenants))
	}
	bytes := 0
	for _, refused := range d.tenants {
		if len(refused.sketch.slots) > deniedOrigins {
			t.Errorf("%d origins", len(refused.sketch.slots))
		}
		for _, s := range refused.sketch.slots {
			r := &s.value.request
			bytes += len(s.key.origin) + len(r.Origin) + len(r.Authority) + len(r.Method) + len(r.RequestHeaders) + len(r.RequestMethod) + len(s.value.key.Path)
		}
	}
	if per := bytes / 20_000; per > 2<<10 {
		t.Errorf("%d bytes a refusal", per)
	}
}

// TestPanicsAreCounted by what panicked, not by the reason of the decision.
func TestPanicsAreCounted(t *testing.T) {
	tm := start(t, nil)
	o := failure()
	o.Reason, o.Panicked = policy.Panic, true
	tm.Observe(o)
	o.Late, o.Panicked, o.Conflict = true, false, true
	tm.Observe(o)
	if samples, _ := scrape(t, tm); samples["cors_panics_total{}"] != 1 {
		t.Errorf("%v panics", samples["cors_panics_total{}"])
	}
}

func TestRUMCounters(t *testing.T) {
	tm := start(t, nil)
	tm.Report("accepted")
	tm.Report("made up")
	tm.Requests("cors_blocked", true, 3)
	tm.Requests("cors_blocked", false, 2)
	tm.Requests("made up", true, 1)
	tm.Requests("ok", true, -1)
	tm.ExposedMissing(4)
	samples, _ := scrape(t, tm)
	for key, want := range map[string]float64{
		"cors_rum_reports_total{cors_rum_result=accepted}":                                  1,
		"cors_rum_requests_total{cors_rum_credentials=true,cors_rum_verdict=cors_blocked}":  3,
		"cors_rum_requests_total{cors_rum_credentials=false,cors_rum_verdict=cors_blocked}": 2,
		"cors_rum_requests_total{cors_rum_credentials=true,cors_rum_verdict=ok}":            0,
		"cors_rum_exposed_missing_total{}":                                                  4,
		"cors_rum_networks{}":                                                               2,
	} {
		if samples[key] != want {
			t.Errorf("%s is %v, want %v", key, samples[key], want)
		}
	}
}

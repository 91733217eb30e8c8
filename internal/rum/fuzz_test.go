package rum

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// FuzzBeacon posts anything. What is counted must be what a second, naive reading of the body finds.
func FuzzBeacon(f *testing.F) {
	for _, body := range []string{
		oneReport(acme, `,"plain":{"ok":7,"cors_blocked":1},"credentials":{"network":4,"unknown":5},"exposed_missing":6`),
		`{"v":1,"reports":[{"api":"https://api.acme.example"},{"api":"http://api.acme.example","plain":{"ok":1000}}]}`,
		`{"v":1,"reports":[{"api":"https://api.acme.example","plain":{"ok":1001}}]}`,
		`{"v":1,"reports":[{"api":"https://api.acme.example","plain":{"ok":1e3}}]}`,
		`{"v":1,"reports":[{"api":"https://api.acme.example/x","plain":null}]}`,
		`{"v":1,"reports":null} `, `{"v":1} {}`, `[]`, `{"v":1,"V":2,"reports":[{}]}`,
	} {
		f.Add([]byte(body), "https://app.acme.example")
	}
	registry := tenanttest.New(f, tenants)
	f.Fuzz(func(t *testing.T, body []byte, origin string) {
		counted := &tally{}
		o := Options{Registry: registry, Meter: counted, Now: time.Now, Denied: func(string, string) bool { return false }}
		c := &Collector{o: o, blocked: newDistinct()} // with small tables
		c.networks, c.tenants, c.process = newLimiter(perNetwork, 1), newLimiter(perTenant, 1), newLimiter(perProcess, 1)
		r := post(string(body))
		r.Header["Origin"] = []string{origin}
		if got := serve(c, r).StatusCode; got != http.StatusNoContent {
			t.Fatalf("status %d", got)
		}
		got := counted.all()
		results, requests, accepted := 0, 0, got["report accepted"]
		for what, n := range got {
			switch {
			case strings.HasPrefix(what, "report "):
				results += n
			case what != "exposed missing":
				requests += n
			}
		}
		if results < 1 || results > maxReports {
			t.Errorf("%d reports in one beacon", results)
		}
		if total := got["exposed missing"] + requests; total > accepted*9*maxCount {
			t.Errorf("%d accepted reports moved counters by %d", accepted, total)
		}
		if accepted > 0 {
			checkNaively(t, body, origin, requests)
		}
	})
}

// checkNaively reads an accepted body again, by hand.
func checkNaively(t *testing.T, body []byte, origin string, requests int) {
	t.Helper()
	if !slices.Contains([]string{"https://app.acme.example", "https://partner.example", "https://new.acme.example", "https://app.other.example"}, origin) &&
		!strings.Contains(string(body), "cdn.") && !strings.Contains(string(body), `\u`) {
		t.Errorf("a report of %q was accepted", origin)
	}
	if len(body) > maxBody || !json.Valid(body) {
		t.Errorf("accepted: %q", body)
	}
	// Members that are given twice, or in capitals, are legal to encoding/json and need no second opinion.
	text := string(body)
	if text != strings.ToLower(text) || strings.Contains(text, `\`) || strings.Count(text, `"plain"`) > 1 || strings.Count(text, `"credentials"`) > 1 ||
		strings.Count(text, `"ok"`)+strings.Count(text, `"network"`)+strings.Count(text, `"unknown"`)+strings.Count(text, `"cors_blocked"`) > 1 {
		return
	}
	var all struct {
		Reports []map[string]any `json:"reports"`
	}
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("accepted: %q: %v", body, err)
	}
	sum := 0.0
	for _, r := range all.Reports {
		for _, group := range []string{"plain", "credentials"} {
			numbers, _ := r[group].(map[string]any)
			for _, n := range numbers {
				number, _ := n.(float64)
				sum += number
			}
		}
	}
	if int(sum) < requests || len(all.Reports) == 1 && int(sum) != requests {
		t.Errorf("%q moved counters by %d, but says %v", body, requests, sum)
	}
}

// FuzzClientNetwork holds that nothing before the trusted entry changes the client.
func FuzzClientNetwork(f *testing.F) {
	f.Add("1.2.3.4, 5.6.7.8", "198.51.100.1", uint8(1))
	f.Add(",,,", "2001:db8::1", uint8(3))
	f.Fuzz(func(t *testing.T, forged, trusted string, hops uint8) {
		if strings.ContainsAny(trusted, ",") {
			return
		}
		n := int(hops%4) + 1
		line := trusted + strings.Repeat(", 10.0.0.1", n-1)
		honest, hostile := post(""), post("")
		honest.Header.Set("X-Forwarded-For", line)
		hostile.Header["X-Forwarded-For"] = []string{forged, line}
		joined := post("")
		joined.Header.Set("X-Forwarded-For", forged+","+line)
		want := networkOf(honest, n)
		if got := networkOf(hostile, n); got != want {
			t.Errorf("after the line %q the client is %x, not %x", forged, got, want)
		}
		if got := networkOf(joined, n); got != want {
			t.Errorf("after the entry %q the client is %x, not %x", forged, got, want)
		}
	})
}

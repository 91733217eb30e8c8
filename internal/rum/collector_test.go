package rum

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const acme = "https://api.acme.example"

func TestReports(t *testing.T) {
	tests := []struct {
		name   string
		body   string
		change func(*http.Request)
		o      Options
		want   map[string]int
	}{
		{
			name: "everything a report can say",
			body: oneReport(acme, `,"plain":{"ok":7,"cors_blocked":1},"credentials":{"ok":3,"cors_blocked":2,"network":4,"unknown":5},"exposed_missing":6`),
			want: map[string]int{
				"report accepted": 1, "ok false": 7, "cors_blocked false": 1,
				"ok true": 3, "cors_blocked true": 2, "network true": 4, "unknown true": 5, "exposed missing": 6,
			},
		},
		{
			name: "several APIs, each by its own tenant",
			body: `{"v":1,"reports":[{"api":"https://api.acme.example:8443","plain":{"ok":1}},{"api":"https://api.other.example","plain":{"ok":1}},{"api":"http://cdn.example","plain":{"ok":2}}]}`,
			want: map[string]int{"report accepted": 2, "report unverified": 1, "ok false": 3},
		},
		{
			name: "an origin that only a route lists", body: oneReport(acme, `,"plain":{"ok":1}`),
			change: func(r *http.Request) { r.Header.Set("Origin", "https://partner.example") },
			want:   map[string]int{"report accepted": 1, "ok false": 1},
		},
		{
			name: "an origin that only the candidate lists", body: oneReport(acme, `,"plain":{"ok":1}`),
			change: func(r *http.Request) { r.Header.Set("Origin", "https://new.acme.example") },
			want:   map[string]int{"report accepted": 1, "ok false": 1},
		},
		{
			name: "an origin that nobody lists", body: oneReport(acme, `,"plain":{"cors_blocked":1}`),
			change: func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
			want:   map[string]int{"report unverified": 1},
		},
		{
			name: "an origin that was denied lately", body: oneReport(acme, `,"plain":{"cors_blocked":1}`),
			change: func(r *http.Request) { r.Header.Set("Origin", "https://denied.example") },
			o: Options{Denied: func(tenant, origin string) bool {
				return tenant == "acme" && origin == "https://denied.example"
			}},
			want: map[string]int{"report accepted": 1, "cors_blocked false": 1},
		},
		{
			name: "denied at another tenant", body: oneReport("https://api.other.example", `,"plain":{"cors_blocked":1}`),
			o:    Options{Denied: func(tenant, _ string) bool { return tenant == "acme" }},
			want: map[string]int{"report unverified": 1},
		},
		{
			name: "the opaque origin", body: oneReport(acme, ""),
			change: func(r *http.Request) { r.Header.Set("Origin", "null") },
			want:   map[string]int{"report unverified": 1},
		},
		{name: "an API that is nobody's", body: oneReport("https://api.example", ""), want: map[string]int{"report unverified": 1}},
		{name: "an API with two hosts", body: oneReport("https://api.acme.example,b.example", ""), want: map[string]int{"report unverified": 1}},
		{
			name: "no origin", body: oneReport(acme, ""),
			change: func(r *http.Request) { r.Header.Del("Origin") },
			want:   map[string]int{"report invalid": 1},
		},
		{
			name: "two origins", body: oneReport(acme, ""),
			change: func(r *http.Request) { r.Header.Add("Origin", "https://app.acme.example") },
			want:   map[string]int{"report invalid": 1},
		},
		{name: "no JSON", body: "ok=1", want: map[string]int{"report invalid": 1}},
		{name: "no body", body: "", want: map[string]int{"report invalid": 1}},
		{name: "one byte too long", body: padded(maxBody + 1), want: map[string]int{"report oversize": 1}},
		{name: "just short enough", body: padded(maxBody), want: map[string]int{"report accepted": 1}},
		{
			name: "too long, and the length is not told", body: padded(maxBody + 1),
			change: func(r *http.Request) { r.ContentLength = -1 },
			want:   map[string]int{"report oversize": 1},
		},
		{
			name: "the right key", body: `{"v":1,"key":"site-2","reports":[{"api":"https://api.acme.example","plain":{"ok":1}}]}`,
			o:    Options{Keys: []string{"site-1", "site-2"}},
			want: map[string]int{"report accepted": 1, "ok false": 1},
		},
		{
			name: "the wrong key", body: `{"v":1,"key":"site-3","reports":[{"api":"https://api.acme.example","plain":{"ok":1}}]}`,
			o:    Options{Keys: []string{"site-1", "site-2"}},
			want: map[string]int{"report invalid": 1},
		},
		{name: "no key", body: oneReport(acme, ""), o: Options{Keys: []string{"site-1"}}, want: map[string]int{"report invalid": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, counted := collector(t, tt.o)
			r := post(tt.body)
			if tt.change != nil {
				tt.change(r)
			}
			if got := serve(c, r).StatusCode; got != http.StatusNoContent {
				t.Errorf("status %d: pages must not learn what became of a beacon", got)
			}
			if diff := cmp.Diff(tt.want, counted.all()); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
		})
	}
}

// padded is a valid beacon of n bytes.
func padded(n int) string {
	text := oneReport(acme, "")
	return text + strings.Repeat(" ", n-len(text))
}

// Nothing but POST to the one path is a beacon, and nothing answers a preflight.
func TestOtherRequests(t *testing.T) {
	tests := []struct {
		method, target string
		want           int
	}{
		{http.MethodOptions, Path, http.StatusMethodNotAllowed},
		{http.MethodGet, Path, http.StatusMethodNotAllowed},
		{http.MethodPut, Path, http.StatusMethodNotAllowed},
		{http.MethodPost, "/", http.StatusNotFound},
		{http.MethodPost, Path + "/", http.StatusNotFound},
		{http.MethodOptions, "/x", http.StatusNotFound},
		{http.MethodPost, Path + "?x=1", http.StatusNoContent},
	}
	c, counted := collector(t, Options{})
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(oneReport(acme, "")))
		r.Header.Set("Origin", "https://app.acme.example")
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		got := serve(c, r)
		if got.StatusCode != tt.want {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.target, got.StatusCode, tt.want)
		}
		for name := range got.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: the answer has %s", tt.method, tt.target, name)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"report accepted": 1}, counted.all()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a collector without a registry was made")
	}
}

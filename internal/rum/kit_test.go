package rum

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/tenant/tenanttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally is a meter that remembers everything it was told.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (m *tally) add(what string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == nil {
		m.n = map[string]int{}
	}
	m.n[what] += n
}

func (m *tally) Report(result string) { m.add("report "+result, 1) }
func (m *tally) Requests(verdict string, credentials bool, n int) {
	m.add(fmt.Sprintf("%s %t", verdict, credentials), n)
}
func (m *tally) ExposedMissing(n int) { m.add("exposed missing", n) }

func (m *tally) all() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.n)
}

const tenants = `
id: acme
hosts: [api.acme.example]
policy: {origins: ["https://app.acme.example"], credentials: true}
routes:
- path_prefix: /partners
  policy: {origins: ["https://partner.example"]}
candidate: {policy: {origins: ["https://new.acme.example"]}}
---
id: other
hosts: [api.other.example]
policy: {origins: ["https://app.other.example"]}
---
id: public
hosts: [cdn.example]
policy: {origins: ["*"]}
`

// collector is a collector of the tenants above.
func collector(tb testing.TB, o Options) (*Collector, *tally) {
	tb.Helper()
	counts := &tally{}
	o.Meter = counts
	if o.Registry == nil {
		o.Registry = tenanttest.New(tb, tenants)
	}
	c, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c, counts
}

// post is a beacon as a browser sends it.
func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body))
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	r.Header.Set("Origin", "https://app.acme.example")
	r.Header.Set("Sec-Fetch-Mode", "no-cors")
	return r
}

// serve gives the response of c.
func serve(c *Collector, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result()
}

// oneReport is a beacon about an API.
func oneReport(api, members string) string {
	return fmt.Sprintf(`{"v":1,"reports":[{"api":%q%s}]}`, api, members)
}

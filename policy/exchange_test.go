package policy

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// headers is a set of response headers, one value a name.
type headers map[string]string

// exchange is one request under one policy, what the application would answer,
// and what the client must see: these CORS headers, Vary and Timing-Allow-Origin,
// and nothing more.
type exchange struct {
	name string
	spec Spec
	req  Request
	app  headers

	kind    Kind
	outcome Outcome
	reason  Reason
	status  int // 0: the application is asked
	want    headers
}

func runExchanges(t *testing.T, table []exchange) {
	t.Helper()
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			d := mustCompile(t, c.spec).Decide(&c.req)
			if d.Kind != c.kind || d.Outcome != c.outcome || d.Reason != c.reason {
				t.Errorf("decided %v %v %v, want %v %v %v", d.Kind, d.Outcome, d.Reason, c.kind, c.outcome, c.reason)
			}
			status, got := answer(&d, c.app)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// answer carries d out: its reply, or the application's headers under its edits.
func answer(d *Decision, app headers) (status int, seen headers) {
	seen = headers{}
	if d.Answered() {
		status, reply := d.AppendReply(nil)
		for _, h := range reply {
			seen[h.Name] = h.Value
		}
		return status, seen
	}
	maps.Copy(seen, app)
	var e Edits
	d.AppendEdits(&e, upstreamOf(app))
	for _, name := range e.Remove {
		delete(seen, name)
	}
	for _, h := range e.Set {
		seen[h.Name] = h.Value
	}
	return 0, seen
}

func upstreamOf(app headers) *Upstream {
	up := &Upstream{
		AllowOrigin:      app["access-control-allow-origin"],
		AllowCredentials: app["access-control-allow-credentials"],
		ExposeHeaders:    app["access-control-expose-headers"],
		Vary:             app["vary"],
	}
	if app != nil {
		up.Names = slices.Sorted(maps.Keys(app))
	}
	up.HasCORS = slices.ContainsFunc(up.Names, func(n string) bool { return strings.HasPrefix(n, "access-control-") })
	return up
}

// cors returns the names in h that start with access-control-.
func cors(h headers) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range h {
			if strings.HasPrefix(name, "access-control-") && !yield(name) {
				return
			}
		}
	})
}

// leaky is an application that grants everything to everybody.
func leaky() headers {
	return headers{
		"access-control-allow-origin":          "*",
		"access-control-allow-credentials":     "true",
		"access-control-allow-methods":         "PUT",
		"access-control-allow-headers":         "x-a",
		"access-control-expose-headers":        "x-b",
		"access-control-max-age":               "9",
		"access-control-allow-private-network": "true",
	}
}

const (
	page     = "https://app.acme.example"
	stranger = "https://evil.example"
)

var (
	vary3 = headers{"vary": varyPreflight}
	vary1 = headers{"vary": "Origin"}
)

// with returns a copy of base with pairs of names and values added.
func with(base headers, pairs ...string) headers {
	h := maps.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

// moment is a time in tests; nothing depends on which.
var moment = time.Unix(1_800_000_000, 0)

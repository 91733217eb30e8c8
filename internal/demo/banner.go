package demo

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed tenants.yaml
var tenantsFile string

// Ready is what a demo says of itself once everything answers. With
// [Options.JSON] it is printed as one line.
type Ready struct {
	// API is the origin of the gateway, Allowed and Foreign those of the pages.
	API     string `json:"api"`
	Allowed string `json:"allowed"`
	Foreign string `json:"foreign"`
	// Tenants is the path of the tenants file.
	Tenants string `json:"tenants"`
	// Denials and Metrics are pages of corsgate: what was blocked and why, and how much of what there was.
	Denials string `json:"denials"`
	Metrics string `json:"metrics"`
	// EnvoyPID is Envoy's process.
	EnvoyPID int `json:"envoy_pid"`
	// Redis is where the tenants are; nil when they are in the file alone.
	Redis *ReadyRedis `json:"redis,omitempty"`
	// Curl are commands to try.
	Curl []Try `json:"curl"`
}

// ReadyRedis is the Redis of the demo, and command lines to try on it.
type ReadyRedis struct {
	URL string `json:"url"`
	// PID is its process.
	PID int `json:"pid"`
	// Apply puts the tenants file into Redis, Kill ends Redis without a word, and Start starts it again.
	Apply string `json:"apply"`
	Kill  string `json:"kill"`
	Start string `json:"start"`
}

// Try is one command line and what it shows.
type Try struct {
	Shows   string `json:"shows"`
	Command string `json:"command"`
}

// tries are the command lines for the gateway at addr.
func tries(addr string, r Ready) []Try {
	line := func(path, origin, rest string) string {
		return fmt.Sprintf("curl -i http://%s%s -H 'Host: %s' -H 'Origin: %s'%s", addr, path, hostAPI, origin, rest)
	}
	const preflight = " -H 'Access-Control-Request-Method: PUT' -X OPTIONS"
	return []Try{
		{"a preflight that passes", line("/v1/orders/7", r.Allowed, preflight)},
		{"a preflight that is denied", line("/v1/orders/7", r.Foreign, preflight)},
		{"a request that the page may read", line("/v1/orders", r.Allowed, "")},
		{"a request that it may not read", line("/v1/orders", r.Foreign, "")},
		{"what is public, read from anywhere", line("/public/catalog", r.Foreign, "")},
	}
}

// announce prints where everything is and what to do with it.
func (d *demo) announce() error {
	if d.o.JSON {
		return json.NewEncoder(d.o.Out).Encode(d.ready)
	}
	r := d.ready
	var b strings.Builder
	fmt.Fprintf(&b, "\ncorsgate demo: a browser page, the real Envoy, corsgate, and an application that gets CORS wrong.\n\n")
	fmt.Fprintf(&b, "  Open   %-28s an origin that the tenant lists\n", r.Allowed)
	fmt.Fprintf(&b, "  and    %-28s an origin that nobody lists\n", r.Foreign)
	fmt.Fprintf(&b, "  API    %-28s Envoy, which asks corsgate\n", r.API)
	fmt.Fprintf(&b, "  Why    %-28s what was blocked, and what it nearly matched\n", r.Denials)
	fmt.Fprintf(&b, "         %-28s metrics, for Prometheus\n\n", r.Metrics)
	if r.Redis == nil {
		fmt.Fprintf(&b, "  Edit   %s\n         and watch the pages follow\n\n", r.Tenants)
	} else {
		fmt.Fprintf(&b, "  Edit   %s\n         then put it into Redis, and watch the pages follow:\n\n  %s\n\n", r.Tenants, r.Redis.Apply)
		fmt.Fprintf(&b, "  # kill Redis: every page goes on as before\n  %s\n\n", r.Redis.Kill)
		fmt.Fprintf(&b, "  # start it again, in another terminal: changes are live again\n  %s\n\n", r.Redis.Start)
	}
	for _, t := range r.Curl {
		fmt.Fprintf(&b, "  # %s\n  %s\n\n", t.Shows, t.Command)
	}
	fmt.Fprintf(&b, "Ctrl-C stops everything.\n")
	_, err := fmt.Fprint(d.o.Out, b.String())
	return err
}

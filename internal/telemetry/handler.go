package telemetry

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the pages.
const (
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 4 // at once
	maxListed     = 200
)

// Metrics serves the metrics in the formats of Prometheus.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(t.cfg.Log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError, // half of the metrics are better than none
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true, // with the trace of slow decisions
	})
}

// ServeDenials answers why origins are blocked: the most frequent refusals of the tenant of the query
// parameter "tenant", or of all tenants that were refused of late. An empty parameter names the hosts
// that no tenant has.
func (t *Telemetry) ServeDenials(w http.ResponseWriter, r *http.Request) {
	id := "*"
	if query := r.URL.Query(); query.Has("tenant") {
		id = query.Get("tenant")
	}
	list := t.denied.list(id, maxListed, t.cfg.Explain)
	if list == nil {
		list = []TenantDenials{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(list); err != nil {
		t.cfg.Log.DebugContext(r.Context(), "an answer about denials was not taken", "error", err)
	}
}

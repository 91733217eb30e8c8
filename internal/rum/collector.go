package rum

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/tenant"
)

// Path is where pages send beacons.
const Path = wire.PathRUM

// Results of a report, as [Meter.Report] is told.
const (
	ResultAccepted   = "accepted"
	ResultLimited    = "limited"
	ResultInvalid    = "invalid"
	ResultUnverified = "unverified"
	ResultOversize   = "oversize"
)

// Verdicts on a request, as [Meter.Requests] is told.
const (
	// VerdictOK: the page could read the response, whatever its status.
	VerdictOK = "ok"
	// VerdictBlocked: the page could not, although the host answers and CORS works there.
	VerdictBlocked = "cors_blocked"
	// VerdictNetwork: the host did not answer.
	VerdictNetwork = "network"
	// VerdictUnknown: the host answers, but CORS does not work there at all, or could not be tried.
	VerdictUnknown = "unknown"
)

// Meter counts. Its labels are closed sets: the constants of this package.
type Meter interface {
	// Report counts a report by what became of it.
	Report(result string)
	// Requests counts requests of accepted reports by verdict.
	Requests(verdict string, credentials bool, n int)
	// ExposedMissing counts responses of accepted reports that lacked an expected header.
	ExposedMissing(n int)
}

// Limits in reports a minute, and the sizes of the tables behind them.
const (
	perNetwork     = 10
	perTenant      = 600
	perProcess     = 5000
	networkBuckets = 1 << 16
	tenantBuckets  = 1 << 14
)

// maxOrigin is more than any origin that a policy allows has.
const maxOrigin = 512

// Options of a [Collector].
type Options struct {
	// Registry knows the tenants.
	Registry tenant.Registry
	// Now is the time that what expires in a policy is held against; the machine's by default.
	Now func() time.Time
	// Denied reports whether the gateway lately denied the origin for the tenant, so that reports
	// of refused pages count, too. Without it they are unverified.
	Denied func(tenant, origin string) bool
	// Meter counts.
	Meter Meter
	// Keys are the site keys of which a beacon must carry one; none means that it need not. They
	// are public: they tell sites apart, and protect nothing.
	Keys []string
	// TrustedHops is how many proxies before the collector append to X-Forwarded-For; 0 takes
	// the peer of the connection for the client.
	TrustedHops int
}

// Collector takes beacons. It is an [http.Handler], starts no goroutine, and its memory never grows.
type Collector struct {
	o        Options
	networks *limiter
	tenants  *limiter
	process  *limiter
	blocked  *distinct
}

// New makes a collector.
func New(o Options) (*Collector, error) {
	if o.Registry == nil || o.Meter == nil {
		return nil, errors.New("making a RUM collector: it needs a registry and a meter")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Denied == nil {
		o.Denied = func(string, string) bool { return false }
	}
	return &Collector{
		o:        o,
		networks: newLimiter(perNetwork, networkBuckets),
		tenants:  newLimiter(perTenant, tenantBuckets),
		process:  newLimiter(perProcess, 1),
		blocked:  newDistinct(),
	}, nil
}

// Networks estimates from how many networks blocked requests were reported in the last ten minutes. One
// network can forge reports as it likes; it stays one network.
func (c *Collector) Networks() int { return c.blocked.count() }

// ServeHTTP takes one beacon. A page must not learn what became of it, so every beacon is answered alike.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	// Without it, pages under COEP could not send: their browsers would count a failure.
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch {
	case r.URL.Path != Path:
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodPost:
		// Also OPTIONS: a beacon that needs a preflight is not one of ours.
		h.Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		c.take(w, r)
		w.WriteHeader(http.StatusNoContent)
	}
}

// take does the cheap things first: what is over a limit is not even read.
func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close") // rather than read the rest
		c.o.Meter.Report(ResultOversize)
		return
	}
	from := networkOf(r, c.o.TrustedHops)
	if !take(c.networks, from) || !take(c.process, 0) {
		c.o.Meter.Report(ResultLimited)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		c.o.Meter.Report(ResultOversize)
		return
	}
	b, invalid := parse(body)
	origins := r.Header["Origin"]
	if err != nil || invalid != nil || len(origins) != 1 || len(c.o.Keys) > 0 && !slices.Contains(c.o.Keys, b.Key) {
		c.o.Meter.Report(ResultInvalid)
		return
	}
	for i := range b.Reports {
		c.o.Meter.Report(c.count(r.Context(), &b.Reports[i], origins[0], from))
	}
}

// count counts a report, unless it is not to be believed or there are too many.
func (c *Collector) count(ctx context.Context, r *report, origin string, from network) string {
	id := c.tenantOf(ctx, r.API, origin)
	if id == "" {
		return ResultUnverified
	}
	if !take(c.tenants, id) {
		return ResultLimited
	}
	for _, part := range [...]struct {
		counts
		credentials bool
	}{{r.Plain, false}, {r.Credentials, true}} {
		for _, of := range [...]struct {
			verdict string
			n       int
		}{
			{VerdictOK, part.OK}, {VerdictBlocked, part.CORSBlocked}, {VerdictNetwork, part.Network}, {VerdictUnknown, part.Unknown},
		} {
			if of.n > 0 {
				c.o.Meter.Requests(of.verdict, part.credentials, of.n)
			}
		}
	}
	if r.ExposedMissing > 0 {
		c.o.Meter.ExposedMissing(r.ExposedMissing)
	}
	if r.Plain.CORSBlocked+r.Credentials.CORSBlocked > 0 {
		c.blocked.add(from)
	}
	return ResultAccepted
}

// tenantOf is the tenant that has the API, if it can have to do with the page: its policies list the
// page's origin, or it was denied lately. Else it is "".
func (c *Collector) tenantOf(ctx context.Context, api, origin string) string {
	key := tenant.Key{Authority: authorityOf(api), Path: "/"}
	v := c.o.Registry.Lookup(ctx, key)
	if len(origin) <= maxOrigin && (v.Lists(origin, c.o.Now().Unix()) || v.ID() != "" && c.o.Denied(v.ID(), origin)) {
		return v.ID()
	}
	return ""
}

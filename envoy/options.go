package envoy

import (
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// Names that statistics, tests and operators refer to.
const (
	// StatPrefix starts the counters of the HTTP listener: "http.edge.downstream_rq_total".
	StatPrefix = "edge"
	// ListenerName is the name of the only listener.
	ListenerName = "edge"
	// ClusterProcessor is the cluster of corsgate processes.
	ClusterProcessor = "corsgate"
	// ClusterPreflight is the cluster of the same processes for preflights, which have limits of their own there.
	ClusterPreflight = "corsgate-preflight"
	// ClusterCollector is the cluster of [Tracing.Collector].
	ClusterCollector = "telemetry"
	// ClusterRUM is the cluster of [RUM.Collector].
	ClusterRUM = "rum"
	// ClusterApplication is the cluster of [Options.Upstream]; those of other
	// upstreams are named "application-1", "application-2", ... in the order of the routes.
	ClusterApplication = "application"
	// FilterApply is the filter of design C that writes the decision onto responses.
	FilterApply = "cors-apply"
	// FilterVary is the filter of design C that has responses vary by Origin.
	FilterVary = "cors-vary"
	// FilterNoStore is the filter of designs A and B that keeps responses which nobody has edited out of caches.
	FilterNoStore = "cors-no-store"
	// FilterDecide is the filter that asks the processor. Per-route settings use this name.
	FilterDecide = "cors-decide"
	// CallPreflight names the way in which FilterDecide asks about preflights; the counters of a call
	// are "http.edge.ext_proc.preflight.streams_started" and so on.
	CallPreflight = "preflight"
	// CallActual is the call for requests that go on when nobody answers.
	CallActual = "actual"
	// CallActualClosed is the call for those that do not: what a policy may refuse, and in designs A and B
	// every cross-origin request, unless [Options.FailOpen].
	CallActualClosed = "actual_closed"
)

// Design is a way to attach the processor to Envoy.
type Design string

// The designs.
const (
	// TwoCallbacks (A) shows the processor the request and the response of every exchange.
	TwoCallbacks Design = "a"
	// ResponseOnly (B) shows it preflights, and of all else only the response.
	ResponseOnly Design = "b"
	// Metadata (C) shows it requests that carry an Origin; Envoy itself writes the
	// decision onto the response, from dynamic metadata.
	Metadata Design = "c"
)

// Options say what to render. Start from [DefaultOptions].
type Options struct {
	// Design is how the processor is attached.
	Design Design
	// Listen is the host:port on which Envoy takes requests; port 0 lets the system choose.
	Listen string
	// Admin is the host:port of Envoy's administration interface, which can stop
	// Envoy and show all of its configuration; empty means none.
	Admin string
	// Processors are the host:port of each corsgate process, or a single unix:PATH.
	Processors []string
	// ProcessorTLS encrypts the connections to the processors; nil means plain text.
	ProcessorTLS *TLS
	// Upstream is the host:port of the application.
	Upstream string
	// MessageTimeout is how long Envoy waits for one answer of the processor, 1ms to 10s.
	MessageTimeout time.Duration
	// FailOpen lets cross-origin requests pass undecided when the processor fails, unless a policy may
	// refuse them. It concerns designs A and B; in C they always pass, without CORS headers.
	FailOpen bool
	// NoRefusals says that no document has denied_requests: BLOCK or websockets: ENFORCE. Cross-origin requests
	// with unsafe methods, and upgrades, then fail as all others do; by default they get 503 when
	// nobody decides.
	NoRefusals bool
	// AccessLog is the path of the access log; empty means standard output.
	AccessLog string
	// Routes name the tenant, the upstream, or both, for some domains.
	Routes []Route
	// RoutesOnly leaves out the virtual host for all other domains, which then get 404.
	RoutesOnly bool

	// Tracing sends Envoy's spans, and has the processor's join them; nil means none.
	Tracing *Tracing

	// RUM serves the paths that tell scripts in pages a refusal from a failure; nil means none.
	RUM *RUM

	// ExtraFilters are put after ours and before the router.
	ExtraFilters []*hcmv3.HttpFilter
	// ExtraRoutes are put before the catch-all route of every virtual host.
	ExtraRoutes []*routev3.Route
}

// TLS are files of PEM blocks, as Envoy sees them, and the name that a processor must prove.
type TLS struct {
	// CA is the file of the authorities that a processor's certificate must come from.
	CA string
	// Cert and Key are Envoy's own certificate and its key, for mutual TLS; both or none.
	Cert, Key string
	// SAN is the DNS name that the processor's certificate must carry; it is also sent as SNI.
	SAN string
}

// Tracing says where spans go.
type Tracing struct {
	// Collector is the host:port that takes OTLP over gRPC.
	Collector string
	// Sampling is how many percent of the requests are traced, less those whose traceparent says
	// that they are not sampled. A client cannot have itself traced.
	Sampling float64
	// Service is the service.name of Envoy's spans; empty means "envoy".
	Service string
}

// RUM says how pages report what browsers refused them.
type RUM struct {
	// Collector is the host:port of corsgate's collector; empty means pings only.
	Collector string
}

// Route binds domains to a tenant and an upstream.
type Route struct {
	// Domains are host names without a port; "*.example.com" and "*" as in Envoy.
	Domains []string
	// Tenant is sent to the processor as a hint that a client cannot forge; empty means
	// that the processor finds the tenant by the host.
	Tenant string
	// Upstream is the host:port of the application of these domains; empty means [Options.Upstream].
	Upstream string
}

// DefaultOptions are those of the demo for a design: everything on loopback.
func DefaultOptions(d Design) Options {
	return Options{
		Design:         d,
		Listen:         "127.0.0.1:10000",
		Admin:          "127.0.0.1:9901",
		Processors:     []string{"127.0.0.1:9002"},
		Upstream:       "127.0.0.1:8080",
		MessageTimeout: 50 * time.Millisecond,
	}
}

// attachment is the part that is the same behind every control plane.
func (o *Options) attachment() Attachment {
	return Attachment{
		Design: o.Design, Cluster: ClusterProcessor, PreflightCluster: ClusterPreflight,
		MessageTimeout: o.MessageTimeout, FailOpen: o.FailOpen, NoRefusals: o.NoRefusals,
	}
}

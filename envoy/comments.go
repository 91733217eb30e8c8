package envoy

import (
	"strconv"

	"github.com/corsgate/corsgate/envoy/page"
)

// Places that comments stand above.
const (
	pathListener = "static_resources/listeners/" + ListenerName
	pathHCM      = pathListener + "/filter_chains/0/filters/0/typed_config"
	pathFilters  = pathHCM + "/http_filters"
	pathRoutes   = pathHCM + "/route_config"
	pathCluster  = "static_resources/clusters/" + ClusterProcessor
)

// preamble is the head of the file.
func preamble(o *Options) string {
	what := map[Design]string{
		TwoCallbacks: "Design A: the processor sees the request and the response of every exchange and edits the response itself. " +
			"It can merge with, fill in for, or list what the application sends. Calls: one for a preflight, two for all else.",
		ResponseOnly: "Design B: the processor sees preflights, and of every other exchange only the response. " +
			"Authentication has had its say before the processor is asked, and its 401 still gets CORS headers. " +
			"Calls: one for a preflight, one for all else. WebSockets and unsafe methods cannot be refused before the application sees them.",
		Metadata: "Design C: the processor sees only requests that carry an Origin, once; Envoy writes the decision onto the response. " +
			"Calls: one for a preflight, one for other CORS requests, none for the rest. While no processor answers, " +
			"no CORS header leaves Envoy, not even the application's.",
	}[o.Design]
	return "Envoy with corsgate. Made by `corsgate render envoy --design " + string(o.Design) + "`; change its flags rather than this file.\n\n" + what
}

// comments are the remarks for o, each with a path that its configuration has.
func comments(o *Options) []page.Comment {
	out := common()
	if o.Admin != "" {
		out = append(out, page.At("admin", `Whoever reaches this address can stop Envoy and read all of this file: keep it on loopback.`))
	}
	for _, f := range o.attachment().filters(new(packer)) {
		out = append(out, page.Below(pathFilters+"/"+f.Config.GetName(), f.Comments)...)
	}
	out = append(out, page.Below(pathCluster, processorComments(o.ProcessorTLS))...)
	out = append(out, page.Below("static_resources/clusters/"+ClusterPreflight, PreflightClusterComments())...)
	if o.Tracing != nil {
		out = append(out, page.At("static_resources/clusters/"+ClusterCollector, `The collector of spans, OTLP over gRPC. Requests do not wait for it; while it is away, spans are lost and nothing else.`))
	}
	out = append(out, tracingComments(o)...)
	out = append(out, rumComments(o)...)
	for i, r := range o.Routes {
		if r.Tenant == "" {
			continue
		}
		out = append(out, page.At(
			pathRoutes+"/virtual_hosts/"+strconv.Itoa(i)+"/typed_per_filter_config",
			`Tells the processor whose policy to use. It travels in the metadata of the call, where no client can write.`,
		))
		break
	}
	return out
}

func common() []page.Comment {
	return []page.Comment{
		page.At(pathHCM+"/access_log", `One JSON object a request. The cors_ members come from the processor and are null when it was not asked or has nothing to say; request_id and trace_id are those of its own log and spans; "details" begins with cors_ when the processor answered in the application's place; cors_processing holds the call's latency in microseconds.`),
		page.At(pathHCM+"/access_log/1", `How long browsers waited for preflights, which no counter of Envoy's own says: envoy_cors_preflight_duration_ms in /stats/prometheus.`),
		page.At("stats_config", `The bounds of the histogram of preflights, in milliseconds; 200 is what the service level is about.`),
		page.At(pathHCM+"/use_remote_address", `Without this a client's own x-forwarded-proto would be believed, and an http page could pass for https.`),
		page.At(pathHCM+"/normalize_path", `Policies may depend on the path. /a/../b and //b are rewritten here once, so that the router, the processor and the application judge the same path.`),
		page.At(pathHCM+"/path_with_escaped_slashes_action", `The same for /a%2f..%2fb and /a%5cb: the application gets slashes. If it has ids with a slash in them, write KEEP_UNCHANGED: the processor refuses paths that can be read as those of another route, but authorization between it and the router has to do so itself.`),
		page.At(pathHCM+"/strip_trailing_host_dot", `api.example.com. is api.example.com to the processor; here it would be another virtual host, and another one to the application.`),
		page.At(pathHCM+"/upgrade_configs", `WebSockets are not subject to CORS, but their Origin can be enforced by policy.`),
		page.At(pathHCM+"/stream_idle_timeout", `Ends exchanges on which nothing moves. The route above sets no total limit, because downloads, event streams and WebSockets outlive any.`),
		page.At(pathHCM+"/request_headers_timeout", `Slow writers of headers hold a connection no longer than this.`),
		page.At(pathHCM+"/http2_protocol_options", `Modest limits for clients from the open internet. allow_connect admits WebSockets over HTTP/2.`),
		page.At(pathRoutes+"/ignore_port_in_host_matching", `api.example.com and api.example.com:8443 are one virtual host.`),
		page.At(pathFilters, `Order matters: requests run down this list and responses run up it. CORS stands first, because a preflight carries no credentials and must be answered before authentication and rate limits, and because a 401, 403 or 429 that they send needs CORS headers too. Put such filters between `+FilterDecide+` and the router.`),
		page.At("overload_manager", `Bounds the memory that idle clients can take. Lower it if the process may open fewer files.`),
	}
}

func tracingComments(o *Options) []page.Comment {
	if o.Tracing == nil {
		return nil
	}
	at := func(field, text string) page.Comment {
		return page.Comment{Path: pathHCM + "/tracing/" + field, Text: text}
	}
	return []page.Comment{
		page.At(pathHCM+"/tracing", `A request that comes with a traceparent stays in its trace, and is not sampled if that says so; no client can have itself sampled.`),
		at("client_sampling", `The empty value is 0 %: a client's x-client-trace-id forces nothing.`),
		at("random_sampling", `Percent of all requests. To follow whoever has sampled before this Envoy, write 100.`),
		at("custom_tags", `The decision, also where the processor left its own span out. Absent when it was not asked.`),
		at("spawn_upstream_span", `A span of its own for the call to the application, as the call to the processor has one in any case: the time that each of the two takes is seen apart.`),
	}
}

// rumComments stand in the first virtual host; those of the others are the same.
func rumComments(o *Options) []page.Comment {
	if o.RUM == nil {
		return nil
	}
	at := func(route, text string) page.Comment {
		return page.Comment{Path: pathRoutes + "/virtual_hosts/0/routes/" + route, Text: text}
	}
	out := []page.Comment{
		at("rum-ping", `Any page may ask this, in no-cors mode: an answer means that the host is up, so that what failed was CORS and not the network. Envoy answers by itself, and no filter of CORS has a part in it. Switch authentication and rate limits off here too.`),
		at("rum-cors-ping", `The same in cors mode, for every origin and without credentials: if this cannot be read, something between here and the browser strips headers.`),
	}
	if o.RUM.Collector != "" {
		out = append(out,
			at("rum-collector", `Reports of pages. What could tell who sent one is removed here; the collector finds the address of the client, for its limits, in x-forwarded-for.`),
			page.At("static_resources/clusters/"+ClusterRUM, `The collector of reports: corsgate again, on the address of its own that is for this.`))
	}
	return out
}

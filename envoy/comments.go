package envoy

import (
	"strconv"
	"strings"
)

// Places that comments stand above.
const (
	pathListener = "static_resources/listeners/" + ListenerName
	pathHCM      = pathListener + "/filter_chains/0/filters/0/typed_config"
	pathFilters  = pathHCM + "/http_filters"
	pathRoutes   = pathHCM + "/route_config"
	pathMatchers = pathFilters + "/" + FilterDecide + "/typed_config/matcher/matcher_list/matchers"
	pathCluster  = "static_resources/clusters/" + ClusterProcessor
	toCall       = "/on_match/action/typed_config/typed_config/typed_config"
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
	return wrap("Envoy with corsgate. Made by `corsgate render envoy --design "+string(o.Design)+"`; change its flags rather than this file.\n\n"+what) + "\n"
}

// comments are the remarks for o, each with a path that its configuration has.
func comments(o *Options) []comment {
	out := common()
	if o.Admin != "" {
		out = append(out, comment{"admin", `Whoever reaches this address can stop Envoy and read all of this file: keep it on loopback.`})
	}
	out = append(out, callComments(o)...)
	out = append(out, clusterComments(o)...)
	out = append(out, tracingComments(o)...)
	out = append(out, rumComments(o)...)
	for i, r := range o.Routes {
		if r.Tenant == "" {
			continue
		}
		out = append(out, comment{
			pathRoutes + "/virtual_hosts/" + strconv.Itoa(i) + "/typed_per_filter_config",
			`Tells the processor whose policy to use. It travels in the metadata of the call, where no client can write.`,
		})
		break
	}
	return out
}

func common() []comment {
	return []comment{
		{pathHCM + "/access_log", `One JSON object a request. The cors_ members come from the processor and are null when it was not asked or has nothing to say; request_id and trace_id are those of its own log and spans; "details" begins with cors_ when the processor answered in the application's place; cors_processing holds the call's latency in microseconds.`},
		{pathHCM + "/access_log/1", `How long browsers waited for preflights, which no counter of Envoy's own says: envoy_cors_preflight_duration_ms in /stats/prometheus.`},
		{"stats_config", `The bounds of the histogram of preflights, in milliseconds; 200 is what the service level is about.`},
		{pathHCM + "/use_remote_address", `Without this a client's own x-forwarded-proto would be believed, and an http page could pass for https.`},
		{pathHCM + "/normalize_path", `Policies may depend on the path. /a/../b and //b are rewritten here once, so that the router, the processor and the application judge the same path. Escaped slashes stay as they are: nobody behind this line decodes them for a decision.`},
		{pathHCM + "/upgrade_configs", `WebSockets are not subject to CORS, but their Origin can be enforced by policy.`},
		{pathHCM + "/stream_idle_timeout", `Ends exchanges on which nothing moves. The route above sets no total limit, because downloads, event streams and WebSockets outlive any.`},
		{pathHCM + "/request_headers_timeout", `Slow writers of headers hold a connection no longer than this.`},
		{pathHCM + "/http2_protocol_options", `Modest limits for clients from the open internet. allow_connect admits WebSockets over HTTP/2.`},
		{pathRoutes + "/ignore_port_in_host_matching", `api.example.com and api.example.com:8443 are one virtual host.`},
		{pathFilters, `Order matters: requests run down this list and responses run up it. CORS stands first, because a preflight carries no credentials and must be answered before authentication and rate limits, and because a 401, 403 or 429 that they send needs CORS headers too. Put such filters between ` + FilterDecide + ` and the router.`},
		{"overload_manager", `Bounds the memory that idle clients can take. Lower it if the process may open fewer files.`},
	}
}

func clusterComments(o *Options) []comment {
	at := func(field, text string) comment { return comment{pathCluster + "/" + field, text} }
	out := []comment{
		{pathCluster, `The corsgate processes. With these settings neither a rolling restart nor the death of one of two processes failed a request; with Envoy's defaults both do.`},
		at("connect_timeout", `A dead host must cost less than the patience of a browser.`),
		at("common_lb_config", `With no healthy host fail at once, rather than try the sick ones until the message times out. The empty value is 0 %. A change of health reaches the workers at once; by default a second one within a second waits.`),
		at("circuit_breakers", `Every open call counts as a request, and the default of 1024 for all workers together is soon reached. max_retries has to cover all calls in flight when a process dies; the default is 3.`),
		at("health_checks", `Finds a process that hangs or is about to stop within a second. no_traffic_interval counts until the first request; its default of 60 s would leave a new process unchecked.`),
		at("outlier_detection", `Takes a host out that resets or refuses calls while its health check is still well. Errors of single calls do not count (enforcing_consecutive_5xx), lest a client that provokes some could take the hosts away from all others.`),
		at("typed_extension_protocol_options", `gRPC needs HTTP/2. The pings find connections that died silently; corsgate allows them.`),
	}
	if o.Tracing != nil {
		out = append(out, comment{"static_resources/clusters/" + ClusterCollector, `The collector of spans, OTLP over gRPC. Requests do not wait for it; while it is away, spans are lost and nothing else.`})
	}
	if o.ProcessorTLS != nil {
		out = append(out, at("transport_socket", `The processor decides who may read responses: accept only the one whose certificate carries this name. Envoy reads the files when it starts.`))
	}
	return out
}

func tracingComments(o *Options) []comment {
	if o.Tracing == nil {
		return nil
	}
	at := func(field, text string) comment { return comment{pathHCM + "/tracing/" + field, text} }
	return []comment{
		{pathHCM + "/tracing", `A request that comes with a traceparent stays in its trace, and is not sampled if that says so; no client can have itself sampled.`},
		at("client_sampling", `The empty value is 0 %: a client's x-client-trace-id forces nothing.`),
		at("random_sampling", `Percent of all requests. To follow whoever has sampled before this Envoy, write 100.`),
		at("custom_tags", `The decision, also where the processor left its own span out. Absent when it was not asked.`),
		at("spawn_upstream_span", `A span of its own for the call to the application, as the call to the processor has one in any case: the time that each of the two takes is seen apart.`),
	}
}

// rumComments stand in the first virtual host; those of the others are the same.
func rumComments(o *Options) []comment {
	if o.RUM == nil {
		return nil
	}
	at := func(route, text string) comment {
		return comment{pathRoutes + "/virtual_hosts/0/routes/" + route, text}
	}
	out := []comment{
		at("rum-ping", `Any page may ask this, in no-cors mode: an answer means that the host is up, so that what failed was CORS and not the network. Envoy answers by itself, and no filter of CORS has a part in it. Switch authentication and rate limits off here too.`),
		at("rum-cors-ping", `The same in cors mode, for every origin and without credentials: if this cannot be read, something between here and the browser strips headers.`),
	}
	if o.RUM.Collector != "" {
		out = append(out,
			at("rum-collector", `Reports of pages. What could tell who sent one is removed here; the collector finds the address of the client, for its limits, in x-forwarded-for.`),
			comment{"static_resources/clusters/" + ClusterRUM, `The collector of reports: corsgate again, on the address of its own that is for this.`})
	}
	return out
}

// callComments explain the filters of CORS itself.
func callComments(o *Options) []comment {
	preflight, actual := pathMatchers+"/0"+toCall, pathMatchers+"/1"+toCall
	out := []comment{
		{pathFilters + "/" + FilterDecide, `Asks the processor. Which call it makes depends on the request alone; a request too malformed to parse makes none and keeps Envoy's own 400.`},
		{pathMatchers + "/0", `A preflight, exactly as the Fetch standard has it.`},
		{preflight + "/status_on_error", `Fails closed: a preflight that nobody could decide is a 503 and never reaches the application. A processor that hangs is a 504.`},
		{preflight + "/grpc_service/retry_policy", `A decision has no side effects, so asking the other process is safe. The host predicate keeps a retry away from the process that has just failed.`},
		{preflight + "/message_timeout", `How long a request may be held up. The processor answers from memory within its own, shorter deadline.`},
		{preflight + "/forward_rules", `What holds credentials does not leave Envoy.`},
		{preflight + "/mutation_rules", `The processor may write CORS headers and nothing else.`},
		{preflight + "/metadata_options", `The decision for the access log` + metadataUse(o) + `.`},
		{preflight + "/route_cache_action", `A CORS decision never changes the route.`},
	}
	if o.Design == Metadata {
		return append(out, metadataComments(actual)...)
	}
	return append(out, responseComments(o, actual)...)
}

func metadataUse(o *Options) string {
	if o.Design == Metadata {
		return ` and for ` + FilterApply + `; without this line it is dropped`
	}
	return `; without this line it is dropped`
}

func metadataComments(actual string) []comment {
	mutations := pathFilters + "/" + FilterApply + "/typed_config/mutations/response_mutations"
	return []comment{
		{pathFilters + "/" + FilterApply, `Writes the decision onto every response, Envoy's own errors included. It works whether or not a processor answers.`},
		{mutations + "/0", `First the application's own CORS headers go: the policy is the only source.`},
		{mutations + "/7", `Then the decision is written. A key that the processor did not set leaves its header out.`},
		{mutations + "/15", `Responses depend on the Origin, those to requests without one included, or caches would mix them up. An existing Vary is kept and extended only if it does not name Origin already.`},
		{pathMatchers + "/1", `Every other request with an Origin. Requests without one cost nothing.`},
		{actual + "/failure_mode_allow", `Fails open and is still safe: an undecided request reaches the application, but ` + FilterApply + ` has removed every CORS header, so that browsers do not hand the response to a foreign page.`},
		{actual + "/mutation_rules", `What a refusal needs (WebSockets and unsafe methods of foreign origins, if the policy asks for it). The CORS headers themselves travel as metadata.`},
	}
}

func responseComments(o *Options, actual string) []comment {
	out := []comment{
		{pathMatchers + "/1", `Everything else, requests without an Origin included: their responses need Vary, and those of a public policy Access-Control-Allow-Origin.`},
		{actual + "/forward_rules", `A policy may expose all headers of a response, so their names go to the processor; credentials do not.`},
	}
	if o.Design == ResponseOnly {
		out = append(out, comment{actual + "/response_attributes", `Tells the processor which request a response belongs to.`})
	}
	closed := `Fails closed: without a decision the client gets a 503. Failing open would let the application's own CORS headers through, whatever they grant.`
	if o.FailOpen {
		return append(out, comment{actual + "/failure_mode_allow", strings.Join([]string{
			`Fails open, as asked for: while no processor answers, the application's own CORS headers reach browsers, whatever they grant.`,
			`Be sure that it sends none, or use design C, which removes them.`,
		}, " ")})
	}
	return append(out, comment{actual + "/status_on_error", closed})
}

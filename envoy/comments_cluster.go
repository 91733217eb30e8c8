package envoy

import "github.com/corsgate/corsgate/envoy/page"

// processorComments stand in the cluster of processors.
func processorComments(t *TLS) []page.Comment {
	out := []page.Comment{
		page.At("", `The corsgate processes. With these settings neither a rolling restart nor the death of one of two processes failed a request; with Envoy's defaults both do.`),
		page.At("connect_timeout", `A dead host must cost less than the patience of a browser.`),
		page.At("common_lb_config", `With no healthy host fail at once, rather than try the sick ones until the message times out. The empty value is 0 %. A change of health reaches the workers at once; by default a second one within a second waits.`),
		page.At("circuit_breakers", `Every open call counts as a request, and the default of 1024 for all workers together is soon reached. max_retries has to cover all calls in flight when a process dies; the default is 3.`),
		page.At("health_checks", `Finds a process that hangs or is about to stop within a second. no_traffic_interval counts until the first request; its default of 60 s would leave a new process unchecked.`),
		page.At("outlier_detection", `Takes a host out that resets or refuses calls while its health check is still well. Errors of single calls do not count (enforcing_consecutive_5xx), lest a client that provokes some could take the hosts away from all others.`),
		page.At("typed_extension_protocol_options", `gRPC needs HTTP/2. The pings find connections that died silently; corsgate allows them.`),
	}
	if t != nil {
		out = append(out, page.At("transport_socket", `The processor decides who may read responses: accept only the one whose certificate carries this name. Envoy reads the files when it starts.`))
	}
	return out
}

// PreflightClusterComments are the remarks on a [PreflightCluster]; their paths begin below it.
func PreflightClusterComments() []page.Comment {
	return []page.Comment{
		page.At("", `The same processes, for preflights.`),
		page.At("circuit_breakers", `No more preflights than max_requests are open at once; the others get 503. A decision takes about a millisecond, so that only a flood, or a processor that hangs, gets there.`),
	}
}

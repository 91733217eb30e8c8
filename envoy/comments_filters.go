package envoy

import (
	"strings"

	"github.com/corsgate/corsgate/envoy/page"
)

// Places within FilterDecide.
const (
	inMatchers = "typed_config/matcher/matcher_list/matchers"
	toCall     = "/on_match/action/typed_config/typed_config/typed_config"
)

func applyComments() []page.Comment {
	const mutations = "typed_config/mutations/response_mutations"
	return []page.Comment{
		page.At("", `Writes the decision onto every response, Envoy's own errors included. It works whether or not a processor answers.`),
		page.At(mutations+"/0", `First the application's own CORS headers go: the policy is the only source.`),
		page.At(mutations+"/1", `Then the decision is written. A key that the processor did not set leaves its header out.`),
	}
}

func varyComments() []page.Comment {
	return []page.Comment{
		page.At("", `Responses depend on the Origin, those to requests without one included, or caches would mix them up. An existing Vary is kept, and extended only if it does not name Origin already.`),
	}
}

func decideComments(a Attachment) []page.Comment {
	preflight, actual := inMatchers+"/0"+toCall, inMatchers+"/1"+toCall
	out := []page.Comment{
		page.At("", `Asks the processor. Which call it makes depends on the request alone; a request too malformed to parse makes none and keeps Envoy's own 400.`),
		page.At(inMatchers+"/0", `A preflight, exactly as the Fetch standard has it.`),
		page.At(preflight+"/status_on_error", `Fails closed: a preflight that nobody could decide is a 503 and never reaches the application. A processor that hangs is a 504.`),
		page.At(preflight+"/grpc_service/retry_policy", `A decision has no side effects, so asking the other process is safe. The host predicate keeps a retry away from the process that has just failed.`),
		page.At(preflight+"/message_timeout", `How long a request may be held up. The processor answers from memory within its own, shorter deadline.`),
		page.At(preflight+"/forward_rules", `What holds credentials does not leave Envoy.`),
		page.At(preflight+"/mutation_rules", `The processor may write CORS headers and nothing else.`),
		page.At(preflight+"/metadata_options", `The decision for the access log`+metadataUse(a.Design)+`.`),
		page.At(preflight+"/route_cache_action", `A CORS decision never changes the route.`),
	}
	if a.Design == Metadata {
		return append(out, metadataComments(actual)...)
	}
	return append(out, responseComments(a, actual)...)
}

func metadataUse(d Design) string {
	if d == Metadata {
		return ` and for ` + FilterApply + `; without this line it is dropped`
	}
	return `; without this line it is dropped`
}

func metadataComments(actual string) []page.Comment {
	return []page.Comment{
		page.At(inMatchers+"/1", `Every other request with an Origin. Requests without one cost nothing.`),
		page.At(actual+"/failure_mode_allow", `Fails open and is still safe: an undecided request reaches the application, but `+FilterApply+` has removed every CORS header, so that browsers do not hand the response to a foreign page.`),
		page.At(actual+"/mutation_rules", `What a refusal needs (WebSockets and unsafe methods of foreign origins, if the policy asks for it). The CORS headers themselves travel as metadata.`),
	}
}

func responseComments(a Attachment, actual string) []page.Comment {
	out := []page.Comment{
		page.At(inMatchers+"/1", `Everything else, requests without an Origin included: their responses need Vary, and those of a public policy Access-Control-Allow-Origin.`),
		page.At(actual+"/forward_rules", `A policy may expose all headers of a response, so their names go to the processor; credentials do not.`),
	}
	if a.Design == ResponseOnly {
		out = append(out, page.At(actual+"/response_attributes", `Tells the processor which request a response belongs to.`))
	}
	if a.FailOpen {
		return append(out, page.At(actual+"/failure_mode_allow", strings.Join([]string{
			`Fails open, as asked for: while no processor answers, the application's own CORS headers reach browsers, whatever they grant.`,
			`Be sure that it sends none, or use design C, which removes them.`,
		}, " ")))
	}
	return append(out, page.At(actual+"/status_on_error", `Fails closed: without a decision the client gets a 503. Failing open would let the application's own CORS headers through, whatever they grant.`))
}

package envoy

import (
	"strings"

	"github.com/corsgate/corsgate/envoy/page"
)

// Places within FilterDecide.
const (
	inCalls     = "typed_config/matcher/matcher_list/matchers/0/on_match/matcher"
	inPreflight = inCalls + "/matcher_list/matchers/0"
	inOpen      = inCalls + "/matcher_list/matchers/1"
	inRest      = inCalls + "/on_no_match"
	toCall      = "/action/typed_config/typed_config/typed_config"
	toChain     = "/action/typed_config/filter_chain/typed_config"
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
	preflight := inPreflight + "/on_match" + toCall
	out := []page.Comment{
		page.At("", `Asks the processor. Which call it makes depends on the request alone; a request too malformed to parse makes none and keeps Envoy's own 400.`),
		page.At(inPreflight, `A preflight, exactly as the Fetch standard has it.`),
		page.At(preflight+"/status_on_error", `Fails closed: a preflight that nobody could decide is a 503 and never reaches the application. A processor that hangs is a 504.`),
		page.At(preflight+"/grpc_service/envoy_grpc/cluster_name", `A cluster of its own, which bounds how many preflights are open at once: a flood of them leaves the processors' time to requests.`),
		page.At(preflight+"/grpc_service/retry_policy", `A decision has no side effects, so asking the other process is safe. The host predicate keeps a retry away from the process that has just failed.`),
		page.At(preflight+"/message_timeout", `How long a request may be held up. The processor answers from memory within its own, shorter deadline.`),
		page.At(preflight+"/forward_rules", `What holds credentials does not leave Envoy.`),
		page.At(preflight+"/mutation_rules", `The processor may write CORS headers and nothing else.`),
		page.At(preflight+"/metadata_options", `The decision for the access log`+metadataUse(a.Design)+`.`),
		page.At(preflight+"/route_cache_action", `A CORS decision never changes the route.`),
	}
	if a.nothingClosed() {
		out = append(out, page.At(inRest, `Everything else goes on when nobody decides: no policy refuses requests, as --no-refusals says.`))
		return append(out, openComments(a, inRest)...)
	}
	out = append(out, page.At(inOpen, strings.Join(goesOn(a), " ")))
	out = append(out, openComments(a, inOpen+"/on_match")...)
	return append(out, closedComments(a)...)
}

func metadataUse(d Design) string {
	if d == Metadata {
		return ` and for ` + FilterApply + `; without this line it is dropped`
	}
	return `; without this line it is dropped`
}

// goesOn says which requests may go on when nobody decides.
func goesOn(a Attachment) []string {
	out := []string{`What may reach the application when nobody decides.`}
	if a.Design != Metadata {
		out = append(out, `Requests without an Origin: their responses need Vary, and those of a public policy Access-Control-Allow-Origin.`)
	}
	if a.failsOpen() {
		out = append(out, `Cross-origin requests that no policy refuses: safe methods, and no upgrade.`)
	}
	return append(out,
		`And a page's own requests, whose Origin is the scheme and host that they are sent to. Envoy takes expressions in matchers as syntax trees only; this one, with the colon and slashes looked for before it, is origin.startsWith(request.scheme) && origin.endsWith(request.host) && size(origin) == size(request.scheme) + 3 + size(request.host).`,
		`Behind a balancer that ends TLS, request.scheme is right only if Envoy trusts its x-forwarded-proto (xff_num_trusted_hops).`)
}

// openComments stand in the call that fails open.
func openComments(a Attachment, in string) []page.Comment {
	call := in + toChain
	open := `Own requests, and those without an Origin, go on undecided: the application's CORS headers tell them nothing that they may not know, and caches do not keep the response.`
	switch {
	case a.Design == Metadata:
		open = `Fails open and is still safe: an undecided request reaches the application, but ` + FilterApply + ` has removed every CORS header, so that browsers do not hand the response to a foreign page.`
	case a.FailOpen:
		open = `Fails open, as asked for: while no processor answers, the application's own CORS headers reach browsers, whatever they grant. Be sure that it sends none, or use design C, which removes them.`
	}
	note, ask := "/0", "/1"
	var out []page.Comment
	if a.Design == Metadata {
		note, ask = "/1", "/2"
		out = append(out, page.At(call+"/0", notKept))
	}
	return append(out,
		page.At(call+note, `Set before the call. An answer of the processor takes it back.`),
		page.At(call+ask+"/typed_config/failure_mode_allow", open))
}

const notKept = `A response that nobody decided on is not to be kept by a cache and given to others. The last three are for caches that prefer them to cache-control, and are written only where the application sends them.`

func noStoreComments() []page.Comment { return []page.Comment{page.At("", notKept)} }

// closedComments stand in the call that fails closed.
func closedComments(a Attachment) []page.Comment {
	call := inRest + toCall
	text := `What a policy may refuse (denied_requests: BLOCK, websockets: ENFORCE): cross-origin requests with unsafe methods, and upgrades. Without a decision the client gets a 503, or a 504 from a processor that hangs.`
	if !a.failsOpen() {
		text = `Cross-origin requests. Without a decision the client gets a 503, or a 504 from a processor that hangs: letting them through would let the application's own CORS headers through, whatever they grant, and what a policy refuses.`
	}
	out := []page.Comment{page.At(inRest, text)}
	if a.Design == Metadata {
		return append(out, page.At(call+"/mutation_rules", `What a refusal needs. The CORS headers themselves travel as metadata.`))
	}
	out = append(out, page.At(call+"/forward_rules", `A policy may expose all headers of a response, so their names go to the processor; credentials do not.`))
	if a.Design == ResponseOnly {
		out = append(out, page.At(call+"/response_attributes", `Tells the processor which request a response belongs to.`))
	}
	return out
}

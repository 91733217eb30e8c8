package migrate

import "slices"

// The sources.
const (
	fromEnvoy        = "envoy"
	fromIstio        = "istio"
	fromEnvoyGateway = "envoy-gateway"
	fromGatewayAPI   = "gateway-api"
	fromNginx        = "ingress-nginx"
)

// What corsgate does that no source does, or does otherwise, whatever the configuration.
const (
	// CodePreflightDenied is the answer to a denied preflight.
	CodePreflightDenied Code = "preflight_denied"
	// CodePreflightForwarded is a denied preflight that reached the application.
	CodePreflightForwarded Code = "preflight_forwarded"
	// CodePreflightChecked is who judges methods and headers.
	CodePreflightChecked Code = "preflight_checked"
	// CodePreflightAnswer is the form of a granted preflight.
	CodePreflightAnswer Code = "preflight_answer"
	// CodePlainOptions is OPTIONS that is no preflight.
	CodePlainOptions Code = "plain_options"
	// CodeApplication is what becomes of the application's own headers.
	CodeApplication Code = "application_headers"
	// CodeOriginCase is how origins are compared.
	CodeOriginCase Code = "origin_case"
	// CodeVary is the header Vary.
	CodeVary Code = "vary"
	// CodeSyntax is what corsgate takes for an origin, a method or a list of headers.
	CodeSyntax Code = "request_syntax"
	// CodeEverywhere is where CORS headers are.
	CodeEverywhere Code = "everywhere"
)

// general are the differences that each of the sources has.
func general(sources []string) []Difference {
	var out []Difference
	add := func(e Effect, c Code, detail string) {
		out = append(out, Difference{Effect: e, Code: c, Detail: detail})
	}
	envoys := slices.ContainsFunc(sources, func(s string) bool { return s != fromNginx && s != fromGatewayAPI })
	nginx := slices.Contains(sources, fromNginx)
	if slices.Contains(sources, fromEnvoy) || slices.Contains(sources, fromIstio) || nginx {
		add(Narrower, CodePreflightForwarded, "denied preflights are answered 403; they were passed to the application, unless forward_not_matching_preflights was false or unmatchedPreflights IGNORE")
	}
	if envoys || slices.Contains(sources, fromGatewayAPI) {
		add(Changed, CodePreflightDenied, "denied preflights are answered 403 without any CORS header; they were answered 200 or 204, with some of the headers")
	}
	add(Changed, CodePreflightChecked, "a preflight for a method or header that is not listed is answered 403; it was answered as granted, and the browser judged")
	add(Changed, CodePreflightAnswer, "granted preflights are answered 204 and no longer expose headers")
	if nginx {
		add(Narrower, CodeOriginCase, "origins are compared as a whole and byte by byte; ingress-nginx compares their ends, without regard to case")
		add(Narrower, CodePlainOptions, "OPTIONS that is no preflight reaches the application; it was answered 204")
	}
	add(Narrower, CodeApplication, "the application's own CORS headers are removed, for denied origins too; they reached browsers where the gateway did not replace them")
	add(Changed, CodeVary, "Vary has Origin in every response whose headers depend on it; no source writes Vary")
	add(Narrower, CodeSyntax, "origins, methods and header lists are checked before they are looked up: no upper case, default port, path or several values in Origin, no CONNECT, TRACE or TRACK, at most 64 header names and 4096 bytes")
	add(Changed, CodeEverywhere, "errors, redirects and other answers that the gateway makes itself carry CORS headers for allowed origins, and a public policy sends its star with every response")
	return out
}

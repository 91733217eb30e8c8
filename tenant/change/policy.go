package change

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// comparePolicies says what a path gets when its policy is exchanged. Nil is the policy of no tenant,
// which allows nothing and blocks nothing.
func comparePolicies(before, after *tenantv1.Policy) []Effect {
	if proto.Equal(before, after) {
		return nil
	}
	effects := originEffects(before, after)
	effects = append(effects, switched(Credentials, before.GetCredentials(), after.GetCredentials(),
		"cookies and HTTP authentication become allowed", "cookies and HTTP authentication are no longer allowed")...)
	effects = append(effects, dangerEffects(before, after)...)
	effects = append(effects, nameEffects(before, after)...)
	effects = append(effects, switched(DeniedRequests,
		before.GetDeniedRequests() != tenantv1.Policy_BLOCK, after.GetDeniedRequests() != tenantv1.Policy_BLOCK,
		"unsafe requests of denied origins reach the application", "unsafe requests of denied origins are answered 403")...)
	effects = append(effects, switched(Websockets,
		before.GetWebsockets() != tenantv1.Policy_ENFORCE, after.GetWebsockets() != tenantv1.Policy_ENFORCE,
		"websocket handshakes of denied origins reach the application", "websocket handshakes of denied origins are answered 403")...)
	effects = append(effects, switched(PrivateNetwork, before.GetPrivateNetworkAccess(), after.GetPrivateNetworkAccess(),
		"pages of public networks may ask private ones", "pages of public networks may no longer ask private ones")...)
	effects = append(effects, switched(TimingAllow, before.GetTimingAllowOrigin(), after.GetTimingAllowOrigin(),
		"scripts may read exact timings", "scripts may no longer read exact timings")...)
	effects = append(effects, upstreamEffects(before, after)...)
	return append(effects, answerEffects(before, after)...)
}

// switched is the effect of something that allows more when it is on.
func switched(code Code, was, is bool, on, off string) []Effect {
	switch {
	case was == is:
		return nil
	case is:
		return []Effect{{Code: code, Direction: Wider, Text: on}}
	default:
		return []Effect{{Code: code, Direction: Narrower, Text: off}}
	}
}

// dangerEffects: lifting a refusal lets nobody in by itself, but nothing else keeps the next edit from it.
func dangerEffects(before, after *tenantv1.Policy) []Effect {
	names := func(p *tenantv1.Policy) []string {
		var out []string
		for _, d := range p.GetDangerouslyAllow() {
			out = append(out, d.String())
		}
		return out
	}
	was, is := names(before), names(after)
	var effects []Effect
	if on := without(is, was); len(on) > 0 {
		effects = append(effects, Effect{Code: Dangers, Direction: Wider, Values: on, Text: "DANGEROUS: " + list(on) + one(on, " is", " are") + " allowed"})
	}
	if off := without(was, is); len(off) > 0 {
		effects = append(effects, Effect{Code: Dangers, Direction: Narrower, Values: off, Text: list(off) + one(off, " is", " are") + " refused again"})
	}
	return effects
}

// names is a list of methods or header names as the decision reads it.
type names struct {
	listed []string
	star   bool
	// besides are names that the star does not take.
	besides string
	// always are names that need no listing.
	always []string
}

func namesOf(list []string, fold func(string) string) names {
	var n names
	for _, name := range list {
		if name == "*" {
			n.star = true
			continue
		}
		n.listed = append(n.listed, fold(name))
	}
	return n
}

func (n *names) allows(name string) bool {
	switch {
	case name == "*":
		return n.star
	case slices.Contains(n.listed, name), slices.Contains(n.always, name):
		return true
	default:
		return n.star && name != n.besides
	}
}

// beyond are the names that n allows and other does not.
func (n *names) beyond(other *names) []string {
	candidates := slices.Clone(n.listed)
	if n.star {
		candidates = append(candidates, "*", other.besides)
	}
	var out []string
	for _, name := range candidates {
		if name != "" && n.allows(name) && !other.allows(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// nameEffects compares methods and header names.
func nameEffects(before, after *tenantv1.Policy) []Effect {
	methods := func(p *tenantv1.Policy) *names {
		n := namesOf(p.GetMethods(), foldMethod)
		n.always = []string{"GET", "HEAD", "POST"} // rule 38
		return &n
	}
	requested := func(p *tenantv1.Policy) *names {
		n := namesOf(p.GetRequestHeaders(), strings.ToLower)
		if !p.GetCredentials() {
			n.besides = "authorization" // rule 44
		}
		return &n
	}
	exposed := func(p *tenantv1.Policy) *names {
		n := namesOf(p.GetExposeHeaders(), strings.ToLower)
		return &n
	}
	var effects []Effect
	for _, f := range []struct {
		code Code
		of   func(*tenantv1.Policy) *names
		what string // of one and of several
		may  string
	}{
		{Methods, methods, "method", "used"},
		{RequestHeaders, requested, "request header", "sent"},
		{ExposeHeaders, exposed, "response header", "read"},
	} {
		was, is := f.of(before), f.of(after)
		if gained := is.beyond(was); len(gained) > 0 {
			effects = append(effects, Effect{
				Code: f.code, Direction: Wider, Values: gained,
				Text: fmt.Sprintf("%s %s may be %s", one(gained, f.what, f.what+"s"), list(gained), f.may),
			})
		}
		if lost := was.beyond(is); len(lost) > 0 {
			effects = append(effects, Effect{
				Code: f.code, Direction: Narrower, Values: lost,
				Text: fmt.Sprintf("%s %s may no longer be %s", one(lost, f.what, f.what+"s"), list(lost), f.may),
			})
		}
	}
	return effects
}

// foldMethod writes the six methods that have no case in upper case (rule 37).
func foldMethod(method string) string {
	upper := strings.ToUpper(method)
	if slices.Contains([]string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}, upper) {
		return upper
	}
	return method
}

func upstreamOf(p *tenantv1.Policy) tenantv1.Policy_UpstreamHeaders {
	if p.GetUpstreamHeaders() == tenantv1.Policy_UPSTREAM_HEADERS_UNSPECIFIED {
		return tenantv1.Policy_OVERRIDE
	}
	return p.GetUpstreamHeaders()
}

// upstreamEffects: from OVERRIDE over FILL to PASSTHROUGH the application's own headers count for
// more. With PASSTHROUGH, what the policy grants is not written.
func upstreamEffects(before, after *tenantv1.Policy) []Effect {
	was, is := upstreamOf(before), upstreamOf(after)
	if was == is {
		return nil
	}
	more, less := "more of the application's own CORS headers reaches browsers", "less of the application's own CORS headers reaches browsers"
	effect := func(d Direction, text string) Effect {
		return Effect{Code: UpstreamHeaders, Direction: d, Text: fmt.Sprintf("upstream_headers %s, was %s: %s", is, was, text)}
	}
	switch {
	case is == tenantv1.Policy_PASSTHROUGH:
		return []Effect{effect(Wider, more), effect(Narrower, "what only the policy grants is not written on responses")}
	case was == tenantv1.Policy_PASSTHROUGH:
		return []Effect{effect(Narrower, less), effect(Wider, "what the policy grants is written on responses")}
	case is > was:
		return []Effect{effect(Wider, more)}
	default:
		return []Effect{effect(Narrower, less)}
	}
}

// answerEffects are about how answers look and how long they live, not about who gets them.
func answerEffects(before, after *tenantv1.Policy) []Effect {
	if before == nil || after == nil {
		return nil // there is nothing to compare an answer with
	}
	var effects []Effect
	if !proto.Equal(before.GetMaxAge(), after.GetMaxAge()) {
		const unset = "the browser's 5s"
		effects = append(effects, Effect{Code: MaxAge, Direction: Neutral, Text: fmt.Sprintf(
			"browsers keep the answer to a preflight for %s, was %s", duration(after.GetMaxAge(), unset), duration(before.GetMaxAge(), unset))})
	}
	if !proto.Equal(before.GetPreflight(), after.GetPreflight()) {
		effects = append(effects, Effect{Code: PreflightAnswers, Direction: Neutral, Text: "answers to preflights look different"})
	}
	return effects
}

// duration is d in seconds as documents have it, or what stands for none.
func duration(d *durationpb.Duration, none string) string {
	if d == nil {
		return none
	}
	return fmt.Sprintf("%ds", d.GetSeconds())
}

package migrate

import (
	"regexp"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/corsgate/corsgate/internal/regular"
)

// literalStart is a text with which everything starts that an expression matches.
func literalStart(pattern string) string {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return ""
	}
	start, _ := re.LiteralPrefix()
	return start
}

// effective is the policy of a route whose levels are given, most specific first; nil for none.
func (l *layers) effective(found []*layer) *source {
	if len(found) == 0 || found[0].off {
		return nil
	}
	first := found[0]
	shadow, ok := l.carriedOut(first)
	if !ok {
		return nil
	}
	s := &source{at: first.at, shadow: shadow}
	decided := struct{ credentials, private bool }{}
	for _, one := range found {
		p := one.policy
		if p == nil {
			continue
		}
		if s.origins == nil {
			s.origins = matchersOf(one.at.in("allow_origin_string_match"), p.GetAllowOriginStringMatch())
		}
		fillList(&s.methods, one.at.in("allow_methods"), p.GetAllowMethods())
		fillList(&s.headers, one.at.in("allow_headers"), p.GetAllowHeaders())
		fillList(&s.expose, one.at.in("expose_headers"), p.GetExposeHeaders())
		fillList(&s.maxAge, one.at.in("max_age"), p.GetMaxAge())
		if v := p.GetAllowCredentials(); v != nil && !decided.credentials {
			s.credentials, decided.credentials = v.GetValue(), true
		}
		if v := p.GetAllowPrivateNetworkAccess(); v != nil && !decided.private {
			s.privateNetwork, decided.private = v.GetValue(), true
		}
	}
	s.methods.echo, s.headers.echo = s.methods.text == star, s.headers.text == star
	return s
}

func fillList(l *list, at place, text string) {
	if l.text == "" {
		*l = list{at: at, text: text}
	}
}

// carriedOut reports whether Envoy carries the policy out: for all requests, or (shadow) for none. It is not
// ok for a part of them.
func (l *layers) carriedOut(one *layer) (shadow, ok bool) {
	p := one.policy
	if p.GetFilterEnabled() == nil {
		return false, true
	}
	at := one.at.in("filter_enabled")
	if key := p.GetFilterEnabled().GetRuntimeKey(); key != "" {
		l.notes.changed(CodeFraction, at, key, "the default of this runtime key is taken over; what it is at run time is not known", "")
	}
	switch share := percent(p.GetFilterEnabled()); {
	case share >= 1:
		return false, true
	case share > 0:
		l.notes.narrower(CodeFraction, at, "", "the policy is for a part of the requests; it is not converted", "enable it for all of them first")
		return false, false
	case percent(p.GetShadowEnabled()) > 0:
		l.notes.ignored(CodeShadow, one.at.in("shadow_enabled"), "", "the policy is evaluated only; it is not converted", "")
		return true, true
	}
	l.notes.ignored(CodeNoEffect, at, "", "the policy is switched off", "")
	return true, true
}

// percent is a share, from 0 to 1.
func percent(f *corev3.RuntimeFractionalPercent) float64 {
	of := 100.0
	switch f.GetDefaultValue().GetDenominator() {
	case typev3.FractionalPercent_TEN_THOUSAND:
		of = 10_000
	case typev3.FractionalPercent_HUNDRED:
	case typev3.FractionalPercent_MILLION:
		of = 1_000_000
	}
	return float64(f.GetDefaultValue().GetNumerator()) / of
}

// matchersOf reads the matchers of Envoy. One that takes the text "*" takes every origin.
func matchersOf(at place, in []*matcherv3.StringMatcher) []matcher {
	var out []matcher
	for i, m := range in {
		one := matcher{at: at.in(index(i)), fold: m.GetIgnoreCase()}
		switch m.GetMatchPattern().(type) {
		case *matcherv3.StringMatcher_Exact:
			one.kind, one.text = exact, m.GetExact()
		case *matcherv3.StringMatcher_Prefix:
			one.kind, one.text = prefix, m.GetPrefix()
		case *matcherv3.StringMatcher_Suffix:
			one.kind, one.text = suffix, m.GetSuffix()
		case *matcherv3.StringMatcher_Contains:
			one.kind, one.text = contains, m.GetContains()
		case *matcherv3.StringMatcher_SafeRegex:
			one.kind, one.text, one.fold = regex, m.GetSafeRegex().GetRegex(), false
		default:
			one.kind, one.text = unreadable, "custom matcher"
		}
		out = append(out, orStar(one))
	}
	return out
}

// orStar is m, or the star if m takes it.
func orStar(m matcher) matcher {
	text, ok := m.pattern()
	if !ok {
		return m
	}
	if l, err := regular.Compile(text); err == nil && l.Contains(anyOrigin) {
		return matcher{at: m.at, kind: exact, text: anyOrigin, written: m.value()}
	}
	return m
}

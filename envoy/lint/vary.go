package lint

import (
	"regexp"
	"slices"

	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// unlessVaries reports whether match_delegate passes by its filter exactly where Vary names Origin
// or is "*", as cors-vary does.
func unlessVaries(m *matchv3.Matcher) bool {
	list := m.GetMatcherList().GetMatchers()
	if len(list) != 1 || m.GetOnNoMatch() != nil {
		return false
	}
	one := list[0].GetPredicate().GetSinglePredicate()
	in, ok := unpack(one.GetInput().GetTypedConfig()).(*inputv3.HttpResponseHeaderMatchInput)
	if !ok || in.GetHeaderName() != wire.HeaderVary {
		return false
	}
	if _, skips := unpack(list[0].GetOnMatch().GetAction().GetTypedConfig()).(*skipv3.SkipFilter); !skips {
		return false
	}
	re, err := regexp.Compile(`^(?:` + one.GetValueMatch().GetSafeRegex().GetRegex() + `)$`)
	if err != nil {
		return false
	}
	return namesOrigin(re)
}

// namesOrigin reports whether an expression matches exactly where Vary names Origin or is "*". Commas alone are
// between names (RFC 9110, section 5.6.1).
func namesOrigin(re *regexp.Regexp) bool {
	enough := []string{"Origin", "origin", "*", "Accept, Origin", "accept,origin", "Origin,Accept-Encoding", "accept,\torigin ,x"}
	short := []string{"", "Accept", "X-Origin", "Origin-X, Accept", "Accept-Encoding,X-Origin", "Accept Origin", "origin accept"}
	return !slices.ContainsFunc(enough, func(v string) bool { return !re.MatchString(v) }) &&
		!slices.ContainsFunc(short, re.MatchString)
}

// varyMatches is the expression by which CEL decides whether Vary needs Origin.
var varyMatches = regexp.MustCompile(`\['vary'\]\.matches\('([^']*)'\)`)

// passesBy reports whether an expression of CEL leaves Origin out where Vary does not name it.
func passesBy(value string) bool {
	m := varyMatches.FindStringSubmatch(value)
	if m == nil {
		return false
	}
	re, err := regexp.Compile(m[1])
	return err == nil && !namesOrigin(re)
}

// varies reports whether a filter has responses vary.
func varies(f *filter) bool {
	return slices.ContainsFunc(f.inner, func(in *inner) bool {
		mu, ok := in.config.(*mutationv3.HeaderMutation)
		if !ok {
			return false
		}
		for _, h := range mu.GetMutations().GetResponseMutations() {
			if (edit{HeaderMutation: h}).writes() == wire.HeaderVary {
				return true
			}
		}
		return false
	})
}

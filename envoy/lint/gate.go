package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// truth is what is known of something that a request decides.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func (t truth) not() truth { return yes - t }

func certain(b bool) truth {
	if b {
		return yes
	}
	return no
}

// sample is one of the requests that are sent through the matchers on paper.
type sample int

const (
	// preflight is one of the Fetch standard.
	preflight sample = iota
	// actual has an Origin, a safe method (GET), and no Upgrade.
	actual
	// unsafe has an Origin and POST, and upgrade has an Origin and asks for a WebSocket: what a policy may refuse.
	unsafe
	upgrade
	// plain has no Origin.
	plain
	samples // how many
)

// example is what s stands for, in a few words.
func (s sample) example() string {
	return [samples]string{"a preflight", "GET", "POST", "an upgrade", "GET without an Origin"}[s]
}

// crossOrigin are the samples with an Origin that are no preflights.
func crossOrigin() []sample { return []sample{actual, unsafe, upgrade} }

// serves says of each sample whether it gets somewhere.
type serves [samples]truth

func all() serves { return every(yes) }

func every(t truth) serves {
	var out serves
	for s := range out {
		out[s] = t
	}
	return out
}

// crossOrigin says whether any of [crossOrigin] gets there.
func (s serves) crossOrigin() truth {
	out := no
	for _, one := range crossOrigin() {
		out = max(out, s[one])
	}
	return out
}

// and is for what stands behind one another.
func (s serves) and(t serves) serves {
	for i := range s {
		s[i] = min(s[i], t[i])
	}
	return s
}

// header is what a sample has under a name: whether it is there, and its value if that is known.
func (s sample) header(name string) (present truth, value string, fixed bool) {
	switch strings.ToLower(name) {
	case ":method":
		switch s {
		case preflight:
			return yes, "OPTIONS", true
		case unsafe:
			return yes, "POST", true
		default:
			return yes, "GET", true
		}
	case wire.HeaderOrigin:
		return certain(s != plain), "", false
	case wire.HeaderRequestMethod:
		return certain(s == preflight), "", false
	case wire.HeaderUpgrade:
		return certain(s == upgrade), "websocket", true
	default:
		return maybe, "", false
	}
}

// anything are the expressions that every value matches which is not empty.
var anything = regexp.MustCompile(`^\^?(\(\?[a-z]+\))?\.[+*]\??\$?$`)

// matches holds one header of s against a matcher of strings.
func (s sample) matches(header string, m stringMatcher) truth {
	present, value, fixed := s.header(header)
	if present == no {
		return no
	}
	return min(present, m.match(value, fixed))
}

// stringMatcher is what the two kinds of StringMatcher have in common.
type stringMatcher struct {
	exact, prefix, suffix, contains, regex *string
	ignoreCase                             bool
}

func (m stringMatcher) match(value string, fixed bool) truth {
	switch {
	case m.regex != nil && anything.MatchString(*m.regex):
		return yes
	case m.prefix != nil && *m.prefix == "", m.suffix != nil && *m.suffix == "":
		return yes
	case !fixed:
		return maybe
	}
	fold := func(s *string) string {
		if m.ignoreCase {
			return strings.ToLower(*s)
		}
		return *s
	}
	if m.ignoreCase {
		value = strings.ToLower(value)
	}
	switch {
	case m.exact != nil:
		return certain(value == fold(m.exact))
	case m.prefix != nil:
		return certain(strings.HasPrefix(value, fold(m.prefix)))
	case m.suffix != nil:
		return certain(strings.HasSuffix(value, fold(m.suffix)))
	case m.contains != nil:
		return certain(strings.Contains(value, fold(m.contains)))
	case m.regex != nil:
		re, err := regexp.Compile(`^(?:` + *m.regex + `)$`)
		if err != nil {
			return maybe
		}
		return certain(re.MatchString(value))
	default:
		return maybe
	}
}

func ofXDS(m *matchv3.StringMatcher) stringMatcher {
	out := stringMatcher{ignoreCase: m.GetIgnoreCase()}
	switch p := m.GetMatchPattern().(type) {
	case *matchv3.StringMatcher_Exact:
		out.exact = &p.Exact
	case *matchv3.StringMatcher_Prefix:
		out.prefix = &p.Prefix
	case *matchv3.StringMatcher_Suffix:
		out.suffix = &p.Suffix
	case *matchv3.StringMatcher_Contains:
		out.contains = &p.Contains
	case *matchv3.StringMatcher_SafeRegex:
		out.regex = &p.SafeRegex.Regex
	}
	return out
}

func ofEnvoy(m *inputv3.StringMatcher) stringMatcher {
	out := stringMatcher{ignoreCase: m.GetIgnoreCase()}
	switch p := m.GetMatchPattern().(type) {
	case *inputv3.StringMatcher_Exact:
		out.exact = &p.Exact
	case *inputv3.StringMatcher_Prefix:
		out.prefix = &p.Prefix
	case *inputv3.StringMatcher_Suffix:
		out.suffix = &p.Suffix
	case *inputv3.StringMatcher_Contains:
		out.contains = &p.Contains
	case *inputv3.StringMatcher_SafeRegex:
		out.regex = &p.SafeRegex.Regex
	}
	return out
}

// routeMatch says of each sample whether the headers that a route asks for let it in. Paths are
// not looked at: a policy is for all of them.
func routeMatch(m *routev3.RouteMatch) serves {
	out := all()
	for s := range samples {
		for _, h := range m.GetHeaders() {
			out[s] = min(out[s], s.routeHeader(h))
		}
		if len(m.GetDynamicMetadata()) > 0 || len(m.GetQueryParameters()) > 0 || m.GetGrpc() != nil || m.GetRuntimeFraction() != nil {
			out[s] = min(out[s], maybe)
		}
	}
	return out
}

func (s sample) routeHeader(h *routev3.HeaderMatcher) truth {
	present, _, _ := s.header(h.GetName())
	out := maybe
	switch p := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch:
		out = present
		if !p.PresentMatch {
			out = present.not()
		}
	case *routev3.HeaderMatcher_StringMatch:
		out = s.matches(h.GetName(), ofEnvoy(p.StringMatch))
	case nil:
		out = present
	}
	if h.GetInvertMatch() {
		return out.not()
	}
	return out
}

// choice is one action of a matcher and who gets to it.
type choice struct {
	name   string
	action *anypb.Any
	path   string
	serves serves
}

// choices are all actions of m.
func choices(m *matchv3.Matcher, path string) []choice {
	w := &walk{}
	w.matcher(m, path, all())
	return w.out
}

type walk struct{ out []choice }

// matcher follows the requests in through m, and gives those that no action takes.
func (w *walk) matcher(m *matchv3.Matcher, path string, in serves) serves {
	left := in
	switch t := m.GetMatcherType().(type) {
	case *matchv3.Matcher_MatcherList_:
		for i, f := range t.MatcherList.GetMatchers() {
			var here serves
			for s := range samples {
				is := s.predicate(f.GetPredicate())
				here[s] = min(left[s], is)
				left[s] = min(left[s], is.not())
			}
			left = left.or(w.on(f.GetOnMatch(), fmt.Sprintf("%s.matcher_list.matchers[%d].on_match", path, i), here))
		}
	case *matchv3.Matcher_MatcherTree_:
		left = w.tree(t.MatcherTree, path+".matcher_tree", left)
	}
	if m.GetOnNoMatch() != nil {
		left = w.on(m.GetOnNoMatch(), path+".on_no_match", left)
	}
	return left
}

func (s serves) or(t serves) serves {
	for i := range s {
		s[i] = max(s[i], t[i])
	}
	return s
}

func (w *walk) tree(t *matchv3.Matcher_MatcherTree, path string, in serves) serves {
	left := in
	header := headerInput(t.GetInput().GetTypedConfig())
	maps := []struct {
		field  string
		prefix bool
		of     map[string]*matchv3.Matcher_OnMatch
	}{
		{field: ".exact_match_map.map.", of: t.GetExactMatchMap().GetMap()},
		{field: ".prefix_match_map.map.", prefix: true, of: t.GetPrefixMatchMap().GetMap()},
	}
	for _, m := range maps {
		var keys []string
		for key := range m.of {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			var here serves
			for s := range samples {
				is := maybe
				if header != "" {
					sm := stringMatcher{exact: &key}
					if m.prefix {
						sm = stringMatcher{prefix: &key}
					}
					is = s.matches(header, sm)
				}
				here[s] = min(in[s], is)
				left[s] = min(left[s], is.not())
			}
			left = left.or(w.on(m.of[key], path+m.field+key, here))
		}
	}
	return left
}

// on follows requests into an action or the next matcher.
func (w *walk) on(o *matchv3.Matcher_OnMatch, path string, in serves) serves {
	switch t := o.GetOnMatch().(type) {
	case *matchv3.Matcher_OnMatch_Matcher:
		return w.matcher(t.Matcher, path+".matcher", in)
	case *matchv3.Matcher_OnMatch_Action:
		w.out = append(w.out, choice{name: t.Action.GetName(), action: t.Action.GetTypedConfig(), path: path + ".action.typed_config", serves: in})
		return serves{}
	default:
		return in
	}
}

func (s sample) predicate(p *matchv3.Matcher_MatcherList_Predicate) truth {
	switch t := p.GetMatchType().(type) {
	case *matchv3.Matcher_MatcherList_Predicate_AndMatcher:
		out := yes
		for _, one := range t.AndMatcher.GetPredicate() {
			out = min(out, s.predicate(one))
		}
		return out
	case *matchv3.Matcher_MatcherList_Predicate_OrMatcher:
		out := no
		for _, one := range t.OrMatcher.GetPredicate() {
			out = max(out, s.predicate(one))
		}
		return out
	case *matchv3.Matcher_MatcherList_Predicate_NotMatcher:
		return s.predicate(t.NotMatcher).not()
	case *matchv3.Matcher_MatcherList_Predicate_SinglePredicate_:
		header := headerInput(t.SinglePredicate.GetInput().GetTypedConfig())
		m := t.SinglePredicate.GetValueMatch()
		if header == "" || m == nil {
			return maybe
		}
		return s.matches(header, ofXDS(m))
	default:
		return maybe
	}
}

// headerInput is the request header that a matcher looks at, "" when it is something else.
func headerInput(a *anypb.Any) string {
	if in, ok := unpack(a).(*inputv3.HttpRequestHeaderMatchInput); ok {
		return in.GetHeaderName()
	}
	return ""
}

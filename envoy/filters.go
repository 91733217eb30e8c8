package envoy

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
)

// filters is the chain. Requests run down it and responses run up, so that what stands
// first decides first and has the last word.
func (b *builder) filters() []*hcmv3.HttpFilter {
	var out []*hcmv3.HttpFilter
	for _, f := range b.o.attachment().filters(&b.packer) {
		out = append(out, f.Config)
	}
	out = append(out, b.o.ExtraFilters...)
	return append(out, b.filter("envoy.filters.http.router", &routerv3.Router{}))
}

// chooser builds FilterDecide.
type chooser struct {
	*packer
	a Attachment
}

// decide chooses the call by the request's headers. The first match wins. A request that
// could not be parsed never gets here, and so makes no call and keeps its 400.
func (c chooser) decide() *compositev3.Composite {
	preflight := &matchv3.Matcher_MatcherList_FieldMatcher{
		Predicate: allOf(
			c.header(":method", exactly("OPTIONS")),
			c.header("origin", notEmpty()),
			c.header("access-control-request-method", notEmpty()),
		),
		OnMatch: c.execute(CallPreflight, c.preflightCall()),
	}
	actual := &matchv3.Matcher_MatcherList_FieldMatcher{
		Predicate: c.header(":method", notEmpty()),
		OnMatch:   c.execute(CallActual, c.actualCall()),
	}
	if c.a.Design == Metadata {
		actual.Predicate = c.header("origin", notEmpty())
	}
	return &compositev3.Composite{Matcher: &matchv3.Matcher{
		MatcherType: &matchv3.Matcher_MatcherList_{MatcherList: &matchv3.Matcher_MatcherList{
			Matchers: []*matchv3.Matcher_MatcherList_FieldMatcher{preflight, actual},
		}},
	}}
}

// execute is the action that runs one ext_proc filter in the composite's place.
func (c chooser) execute(name string, call *extprocv3.ExternalProcessor) *matchv3.Matcher_OnMatch {
	return c.action(name, &compositev3.ExecuteFilterAction{TypedConfig: c.extension("envoy.filters.http.ext_proc", call)})
}

type predicate = matchv3.Matcher_MatcherList_Predicate

func allOf(list ...*predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_AndMatcher{
		AndMatcher: &matchv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list},
	}}
}

// notEmpty matches any value of at least one byte, also one that is not UTF-8.
func notEmpty() *matchv3.StringMatcher { return matches(`.+`) }

// matches holds the whole value against an expression.
func matches(expression string) *matchv3.StringMatcher {
	return &matchv3.StringMatcher{MatchPattern: &matchv3.StringMatcher_SafeRegex{
		SafeRegex: &matchv3.RegexMatcher{
			EngineType: &matchv3.RegexMatcher_GoogleRe2{GoogleRe2: &matchv3.RegexMatcher_GoogleRE2{}},
			Regex:      expression,
		},
	}}
}

func exactly(s string) *matchv3.StringMatcher {
	return &matchv3.StringMatcher{MatchPattern: &matchv3.StringMatcher_Exact{Exact: s}}
}

// header matches one request header; its lines are joined by a comma. An absent header
// matches nothing.
func (c chooser) header(name string, m *matchv3.StringMatcher) *predicate {
	return single(c.input(name, &inputv3.HttpRequestHeaderMatchInput{HeaderName: name}), m)
}

func single(input *xdscorev3.TypedExtensionConfig, m *matchv3.StringMatcher) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate{
			Input:   input,
			Matcher: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: m},
		},
	}}
}

// input packs m under a name, as matchers want it: what they look at, and what they do.
func (p *packer) input(name string, m proto.Message) *xdscorev3.TypedExtensionConfig {
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: p.any(m)}
}

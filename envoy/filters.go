package envoy

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy/wire"
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
//
// In design C only requests with an Origin are asked about; in the others all are, since
// responses to requests without one have to be edited, too.
func (c chooser) decide() *compositev3.Composite {
	asked := c.header(":method", notEmpty())
	if c.a.Design == Metadata {
		asked = c.header(wire.HeaderOrigin, notEmpty())
	}
	return &compositev3.Composite{Matcher: firstOf(&fieldMatcher{Predicate: asked, OnMatch: inTurn(c.calls())})}
}

// calls chooses between the calls, by what may happen when nobody answers.
func (c chooser) calls() *matchv3.Matcher {
	preflight := &fieldMatcher{
		Predicate: allOf(
			c.header(":method", exactly("OPTIONS")),
			c.header(wire.HeaderOrigin, notEmpty()),
			c.header(wire.HeaderRequestMethod, notEmpty()),
		),
		OnMatch: c.execute(CallPreflight, c.extProc(c.preflightCall())),
	}
	actual := c.execute(CallActual, c.unlessDecided(c.actualCall())...)
	if c.a.nothingClosed() {
		m := firstOf(preflight)
		m.OnNoMatch = actual
		return m
	}
	m := firstOf(preflight, &fieldMatcher{Predicate: anyOf(c.goesOn()...), OnMatch: actual})
	m.OnNoMatch = c.execute(CallActualClosed, c.extProc(c.closedCall()))
	return m
}

// failsOpen reports whether cross-origin requests that no policy refuses go on when nobody decides.
func (a Attachment) failsOpen() bool { return a.Design == Metadata || a.FailOpen }

// nothingClosed reports whether preflights alone fail closed.
func (a Attachment) nothingClosed() bool { return a.failsOpen() && a.NoRefusals }

// goesOn matches, beside preflights, the requests that may reach the application undecided: a page's own, which no
// policy refuses; those without an Origin; and, where nothing of the response can leak, cross-origin ones that no
// policy refuses, which are those with the safe methods of RFC 9110 §9.2.1 that upgrade nothing.
func (c chooser) goesOn() []*predicate {
	list := []*predicate{c.ownOrigin()}
	if c.a.failsOpen() {
		safe := allOf(c.header(":method", matches("GET|HEAD|OPTIONS|TRACE")), not(c.header(wire.HeaderUpgrade, notEmpty())))
		list = append([]*predicate{safe}, list...)
	}
	if c.a.Design != Metadata {
		list = append([]*predicate{not(c.header(wire.HeaderOrigin, notEmpty()))}, list...)
	}
	return list
}

// execute is the action that runs filters in the composite's place.
func (c chooser) execute(name string, chain ...*corev3.TypedExtensionConfig) *matchv3.Matcher_OnMatch {
	action := &compositev3.ExecuteFilterAction{FilterChain: &compositev3.FilterChainConfiguration{TypedConfig: chain}}
	if len(chain) == 1 {
		action = &compositev3.ExecuteFilterAction{TypedConfig: chain[0]}
	}
	return c.action(name, action)
}

func (c chooser) extProc(call *extprocv3.ExternalProcessor) *corev3.TypedExtensionConfig {
	return c.extension("envoy.filters.http.ext_proc", call)
}

type fieldMatcher = matchv3.Matcher_MatcherList_FieldMatcher

func firstOf(list ...*fieldMatcher) *matchv3.Matcher {
	return &matchv3.Matcher{MatcherType: &matchv3.Matcher_MatcherList_{MatcherList: &matchv3.Matcher_MatcherList{Matchers: list}}}
}

func inTurn(m *matchv3.Matcher) *matchv3.Matcher_OnMatch {
	return &matchv3.Matcher_OnMatch{OnMatch: &matchv3.Matcher_OnMatch_Matcher{Matcher: m}}
}

type predicate = matchv3.Matcher_MatcherList_Predicate

func allOf(list ...*predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_AndMatcher{
		AndMatcher: &matchv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list},
	}}
}

// anyOf wants two or more.
func anyOf(list ...*predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_OrMatcher{
		OrMatcher: &matchv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list},
	}}
}

func not(p *predicate) *predicate {
	return &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: p}}
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

func containing(s string) *matchv3.StringMatcher {
	return &matchv3.StringMatcher{MatchPattern: &matchv3.StringMatcher_Contains{Contains: s}}
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

package envoy

import (
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_metadata/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// applyDecision writes the decision of design C: first every CORS header of the
// application goes, then ours come. Without a decision nothing comes.
//
// Timing-Allow-Origin is a grant of its own and not tied to CORS (Fetch, TAO check): the
// application's stays unless the tenant's policy sets one.
func applyDecision() *mutationv3.HeaderMutation {
	list := []*rulesv3.HeaderMutation{{Action: &rulesv3.HeaderMutation_RemoveOnMatch_{
		RemoveOnMatch: &rulesv3.HeaderMutation_RemoveOnMatch{KeyMatcher: &inputv3.StringMatcher{
			MatchPattern: &inputv3.StringMatcher_Prefix{Prefix: wire.HeaderCORSPrefix},
		}},
	}}}
	for _, h := range wire.HeaderMeta() {
		value := "%DYNAMIC_METADATA(" + wire.Namespace + ":" + h[1] + ")%"
		list = append(list, write(h[0], value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
	}
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{ResponseMutations: list}}
}

// namesOrigin matches a Vary that needs no more: one of the names between its commas is Origin, or "*". Several
// lines are one value here.
const namesOrigin = `(?i)(.*,)?[\t ]*(origin|[*])[\t ]*(,.*)?`

// varyOrigin appends Origin to Vary, unless it is there. An expression (CEL) in the value could say
// this as well, for 4 % of the processor time of a request where this takes 2 (ADR 6).
func (p *packer) varyOrigin() *matchingv3.ExtensionWithMatcher {
	add := &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{ResponseMutations: []*rulesv3.HeaderMutation{
		write(wire.HeaderVary, "Origin", corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD),
	}}}
	isThere := single(p.input(wire.HeaderVary, &inputv3.HttpResponseHeaderMatchInput{HeaderName: wire.HeaderVary}), matches(namesOrigin))
	return &matchingv3.ExtensionWithMatcher{
		XdsMatcher: &matchv3.Matcher{MatcherType: &matchv3.Matcher_MatcherList_{MatcherList: &matchv3.Matcher_MatcherList{
			Matchers: []*matchv3.Matcher_MatcherList_FieldMatcher{{Predicate: isThere, OnMatch: p.action("skip", &skipv3.SkipFilter{})}},
		}}},
		ExtensionConfig: p.extension("envoy.filters.http.header_mutation", add),
	}
}

// cacheHeaders are what caches go by, Cache-Control first. The others are for some caches only, which
// prefer them; each is written only where the application sends it.
func cacheHeaders() [4]string {
	return [4]string{"cache-control", "cdn-cache-control", "surrogate-control", "x-accel-expires"}
}

// keepOut writes into what caches go by the note that corsgate takes back: an empty value leaves the header as it is.
func keepOut(note string) *mutationv3.HeaderMutation {
	var list []*rulesv3.HeaderMutation
	for i, name := range cacheHeaders() {
		how := corev3.HeaderValueOption_OVERWRITE_IF_EXISTS
		if i == 0 {
			how = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		}
		list = append(list, write(name, "%DYNAMIC_METADATA("+wire.Namespace+":"+note+")%", how))
	}
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{ResponseMutations: list}}
}

// unlessDecided is a call that fails open, and before it the note that the response is to stay out of caches, which
// corsgate's answer takes back. What writes the note into the response stands before the call in design C, where it costs
// requests without an Origin nothing. In A and B it is [FilterNoStore]: once a filter of the chain in a
// composite has waited for an answer about the response, Envoy runs none of those before it.
func (c chooser) unlessDecided(call *extprocv3.ExternalProcessor) []*corev3.TypedExtensionConfig {
	note := wire.MetaUnedited
	var chain []*corev3.TypedExtensionConfig
	if c.a.Design == Metadata {
		note = wire.MetaUndecided
		chain = append(chain, c.extension("envoy.filters.http.header_mutation", keepOut(note)))
	}
	return append(chain,
		c.extension("envoy.filters.http.set_metadata", &metadatav3.Config{Metadata: []*metadatav3.Metadata{{
			MetadataNamespace: wire.Namespace,
			Value:             &structpb.Struct{Fields: map[string]*structpb.Value{note: structpb.NewStringValue(wire.NoStore)}},
		}}}),
		c.extProc(call))
}

func (p *packer) action(name string, m proto.Message) *matchv3.Matcher_OnMatch {
	return &matchv3.Matcher_OnMatch{OnMatch: &matchv3.Matcher_OnMatch_Action{Action: p.input(name, m)}}
}

func write(name, value string, how corev3.HeaderValueOption_HeaderAppendAction) *rulesv3.HeaderMutation {
	return &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Append{
		Append: &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: name, Value: value},
			AppendAction: how,
		},
	}}
}

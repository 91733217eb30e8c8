package envoy

import (
	"strings"

	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// varyOrigin gives "Origin" unless Vary names it already or is "*". An empty result adds
// nothing. The form with "append" works in every Envoy since 1.39, behind Istio and behind
// Envoy Gateway.
const varyOrigin = `%CEL('vary' in response.headers && ` +
	`response.headers['vary'].matches('(?i)(^|[ ,])(origin|[*])([ ,]|$)') ? '' : 'Origin')%`

// applyDecision writes the decision of design C: first every CORS header of the
// application goes, then ours come. Without a decision nothing comes.
func applyDecision() *mutationv3.HeaderMutation {
	var list []*rulesv3.HeaderMutation
	for _, h := range wire.HeaderMeta() {
		// Timing-Allow-Origin is a grant of its own and not tied to CORS (Fetch, TAO check):
		// the application's stays unless the tenant's policy sets one.
		if strings.HasPrefix(h[0], "access-control-") {
			list = append(list, &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Remove{Remove: h[0]}})
		}
	}
	for _, h := range wire.HeaderMeta() {
		value := "%DYNAMIC_METADATA(" + wire.Namespace + ":" + h[1] + ")%"
		list = append(list, write(h[0], value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
	}
	list = append(list, write("vary", varyOrigin, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD))
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{ResponseMutations: list}}
}

func write(name, value string, how corev3.HeaderValueOption_HeaderAppendAction) *rulesv3.HeaderMutation {
	return &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Append{
		Append: &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: name, Value: value},
			AppendAction: how,
		},
	}}
}

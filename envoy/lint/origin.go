package lint

import (
	"slices"
	"strconv"
	"strings"

	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

type httpFilter = hcmv3.HttpFilter

func indexed(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// decisive are the request headers that a CORS decision depends on.
func decisive() []string {
	return []string{wire.HeaderOrigin, wire.HeaderRequestMethod, wire.HeaderRequestHeaders, wire.HeaderRequestPrivateNetwork}
}

// originChanged looks for edits of requests that come before ours.
func (l *linter) originChanged(m *manager) {
	for i, e := range m.GetEarlyHeaderMutationExtensions() {
		if early, ok := unpack(e.GetTypedConfig()).(*earlyv3.HeaderMutation); ok {
			l.changes(m, early.GetMutations(), m.at.in(e.GetName(), indexed("early_header_mutation_extensions", i)))
		}
	}
	last := -1
	for _, c := range m.calls {
		last = max(last, c.position)
	}
	for i, f := range m.filters {
		for _, in := range f.inner {
			if mu, ok := in.config.(*mutationv3.HeaderMutation); ok && i < last && m.active(f) {
				l.changes(m, mu.GetMutations().GetRequestMutations(), in.at)
			}
		}
	}
}

func (l *linter) changes(m *manager, list []*rulesv3.HeaderMutation, at Place) {
	for _, h := range list {
		name := strings.ToLower(h.GetRemove() + h.GetAppend().GetHeader().GetKey())
		if slices.Contains(decisive(), name) {
			l.add(ruleOriginChanged, m.group(), at,
				"the request header "+name+" is written or removed before corsgate is asked: it decides about a request that no browser sent",
				"leave "+name+" as the browser sends it, or change it after corsgate's filters")
		}
	}
}

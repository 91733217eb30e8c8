package linttest

import (
	"slices"
	"strings"

	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// joined is an expression that joins strings.
const joined = `%CEL('vary' in response.headers ? response.headers['vary'] + ', Origin' : 'Origin')%`

func apply() []spec {
	edits := func(f func([]*rulesv3.HeaderMutation) []*rulesv3.HeaderMutation) func(*editor) {
		return func(e *editor) {
			e.apply(func(m *mutationv3.Mutations) { m.ResponseMutations = f(m.GetResponseMutations()) })
		}
	}
	drop := func(which func(*rulesv3.HeaderMutation) bool) func(*editor) {
		return edits(func(l []*rulesv3.HeaderMutation) []*rulesv3.HeaderMutation { return slices.DeleteFunc(l, which) })
	}
	vary := func(f func(*corev3.HeaderValueOption)) func(*editor) {
		return func(e *editor) {
			e.vary(func(m *mutationv3.Mutations) { f(m.GetResponseMutations()[0].GetAppend()) })
		}
	}
	return []spec{
		{rule: "apply-missing", edit: func(e *editor) {
			e.manager(func(m *hcmv3.HttpConnectionManager) { m.HttpFilters = m.HttpFilters[1:] })
		}},
		{rule: "strip-missing", edit: drop(func(h *rulesv3.HeaderMutation) bool { return h.GetRemoveOnMatch() != nil })},
		{rule: "strip-missing", name: "one", edit: edits(func(l []*rulesv3.HeaderMutation) []*rulesv3.HeaderMutation {
			return append(removals(wire.HeaderAllowCredentials), l[1:]...)
		})},
		{rule: "apply-incomplete", edit: drop(func(h *rulesv3.HeaderMutation) bool {
			return h.GetAppend().GetHeader().GetKey() == "access-control-allow-methods"
		})},
		{rule: "apply-order", edit: edits(func(l []*rulesv3.HeaderMutation) []*rulesv3.HeaderMutation {
			return append(l[1:], l[0])
		})},
		{rule: "apply-namespace", edit: edits(func(l []*rulesv3.HeaderMutation) []*rulesv3.HeaderMutation {
			for _, h := range l {
				if a := h.GetAppend().GetHeader(); a != nil {
					a.Value = strings.ReplaceAll(a.GetValue(), "(cors:", "(policy:")
				}
			}
			return l
		})},
		{rule: "vary-missing", edit: func(e *editor) {
			e.manager(func(m *hcmv3.HttpConnectionManager) { m.HttpFilters = slices.Delete(m.HttpFilters, 1, 2) })
		}},
		{rule: "vary-missing", name: "for some", edit: func(e *editor) {
			e.varyMatcher(func(m *matchv3.StringMatcher) { m.GetSafeRegex().Regex = `.*(?i:origin).*` })
		}},
		{rule: "vary-missing", name: "blanks for commas", edit: func(e *editor) {
			e.varyMatcher(func(m *matchv3.StringMatcher) { m.GetSafeRegex().Regex = `(?i)(.*[\t ,])?(origin|[*])([\t ,].*)?` })
		}},
		{rule: "vary-missing", name: "blanks for commas in an expression", edit: func(e *editor) {
			e.plainVary(`%CEL('vary' in response.headers && response.headers['vary'].matches('(?i)(^|[ ,])(origin|[*])([ ,]|$)') ? '' : 'Origin')%`)
		}},
		{rule: "vary-missing", name: "if absent", edit: vary(func(o *corev3.HeaderValueOption) {
			o.AppendAction = corev3.HeaderValueOption_ADD_IF_ABSENT
		})},
		{rule: "vary-overwritten", edit: vary(func(o *corev3.HeaderValueOption) {
			o.Header.Value, o.AppendAction = "Origin", corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		})},
		{rule: "vary-twice", edit: func(e *editor) {
			e.plainVary("Origin")
		}},
		{rule: "cel-formatter", edit: vary(func(o *corev3.HeaderValueOption) {
			o.Header.Value, o.AppendAction = joined, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		})},
		{rule: "formatters-portability", edit: func(e *editor) {
			e.vary(func(m *mutationv3.Mutations) {
				o := m.GetResponseMutations()[0].GetAppend()
				o.Header.Value, o.AppendAction = joined, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
				m.Formatters = []*corev3.TypedExtensionConfig{{Name: "cel", TypedConfig: e.packed(&celv3.Cel{
					CelConfig: &corev3.CelExpressionConfig{EnableStringConcat: true},
				})}}
			})
		}},
	}
}

// removals remove every CORS header that Envoy writes, one by one, less those of some names.
func removals(less ...string) []*rulesv3.HeaderMutation {
	var out []*rulesv3.HeaderMutation
	for _, h := range wire.HeaderMeta() {
		if strings.HasPrefix(h[0], wire.HeaderCORSPrefix) && !slices.Contains(less, h[0]) {
			out = append(out, &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Remove{Remove: h[0]}})
		}
	}
	return out
}

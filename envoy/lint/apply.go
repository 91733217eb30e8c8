package lint

import (
	"slices"
	"strings"

	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

const (
	ruleApplyMissing    ID = "apply-missing"
	ruleStripMissing    ID = "strip-missing"
	ruleApplyIncomplete ID = "apply-incomplete"
	ruleApplyOrder      ID = "apply-order"
	ruleApplyNamespace  ID = "apply-namespace"
	ruleVaryMissing     ID = "vary-missing"
	ruleVaryOverwritten ID = "vary-overwritten"
	ruleVaryTwice       ID = "vary-twice"
	ruleFormatter       ID = "cel-formatter"
	ruleFormatters      ID = "formatters-portability"
)

func applyRules() []Rule {
	return []Rule{
		{ruleApplyMissing, Error, "nothing writes the decision onto responses"},
		{ruleStripMissing, Error, "the application's own CORS headers are not removed"},
		{ruleApplyIncomplete, Error, "a part of the decision is not written"},
		{ruleApplyOrder, Error, "the decision is removed after it was written"},
		{ruleApplyNamespace, Error, "headers are written from metadata that corsgate does not set"},
		{ruleVaryMissing, Error, "responses do not say that they vary by Origin"},
		{ruleVaryOverwritten, Error, "the application's Vary is replaced"},
		{ruleVaryTwice, Note, "Vary may name Origin twice"},
		{ruleFormatter, Error, "an expression needs a formatter that is not there"},
		{ruleFormatters, Warning, "formatters work in new Envoys only"},
	}
}

// edit is one mutation of responses that every request gets.
type edit struct {
	*rulesv3.HeaderMutation
	filter *filter
	inner  *inner
}

// writes is the name of the header that e writes, or "".
func (e edit) writes() string { return strings.ToLower(e.GetAppend().GetHeader().GetKey()) }

// removes reports whether the header of a name goes.
func (e edit) removes(name string) bool {
	if keys := e.GetRemoveOnMatch().GetKeyMatcher(); keys != nil {
		return ofEnvoy(keys).match(name, true) == yes
	}
	return strings.EqualFold(e.GetRemove(), name)
}

func (e edit) value() string { return e.GetAppend().GetHeader().GetValue() }

// edits are those of a chain in the order in which they happen: responses run up.
func (m *manager) edits() []edit {
	var out []edit
	for _, f := range slices.Backward(m.filters) {
		if f.disabled && !m.active(f) {
			continue
		}
		for _, in := range f.inner {
			mu, ok := in.config.(*mutationv3.HeaderMutation)
			if !ok || in.serves != all() {
				continue
			}
			for _, h := range mu.GetMutations().GetResponseMutations() {
				out = append(out, edit{h, f, in})
			}
		}
	}
	return out
}

// applies reports whether a filter writes decisions of corsgate's onto responses.
func applies(f *filter) bool {
	return slices.ContainsFunc(f.inner, func(in *inner) bool {
		mu, ok := in.config.(*mutationv3.HeaderMutation)
		return ok && slices.ContainsFunc(mu.GetMutations().GetResponseMutations(), func(h *rulesv3.HeaderMutation) bool {
			e := h.GetAppend().GetHeader()
			return strings.HasPrefix(strings.ToLower(e.GetKey()), wire.HeaderCORSPrefix) && fromDecision(e.GetValue())
		})
	})
}

// apply holds against the rules how design C writes its decisions.
func (l *linter) apply(m *manager) {
	decides := slices.ContainsFunc(m.calls, func(c *call) bool { return c.byMetadata() && c.serves.crossOrigin() != no })
	edits := m.edits()
	l.formatters(m)
	if !decides {
		return
	}
	byFilter := slices.ContainsFunc(m.filters, applies)
	if !byFilter && !m.table.writes(wire.HeaderAllowOrigin) {
		if !l.missing(m) {
			l.add(ruleApplyMissing, m.group(), m.calls[0].filter.at,
				"the call sees requests only, and no header_mutation filter or route writes %DYNAMIC_METADATA(cors:acao)%: what is allowed gets no header, so browsers block it",
				"put the filter cors-apply of corsgate render envoy before "+m.calls[0].filter.name)
		}
		return
	}
	at := m.applyAt()
	l.strips(m, edits, at)
	l.writes(m, edits, at)
	l.vary(m, edits, at)
}

// missing reports whether a filter's settings are elsewhere, so that nothing can be said to be
// absent.
func (l *linter) missing(m *manager) bool {
	return m.table == nil || slices.ContainsFunc(m.filters, func(f *filter) bool { return f.missing })
}

func (m *manager) applyAt() Place {
	for _, f := range m.filters {
		if applies(f) {
			return f.inner[0].at
		}
	}
	return m.at
}

// strips looks for headers of the application that stay.
func (l *linter) strips(m *manager, edits []edit, at Place) {
	var stay, eaten []string
	for _, h := range wire.HeaderMeta() {
		if !strings.HasPrefix(h[0], wire.HeaderCORSPrefix) {
			continue
		}
		gone, written := -1, -1
		for i, e := range edits {
			switch {
			case e.removes(h[0]):
				gone = i
			case e.writes() == h[0]:
				written = i
			}
		}
		if gone < 0 && !m.table.strips(h[0]) {
			stay = append(stay, h[0])
		}
		if written >= 0 && gone > written {
			eaten = append(eaten, h[0])
		}
	}
	if len(stay) > 0 && m.table != nil {
		l.add(ruleStripMissing, m.group(), at,
			"the application's own "+strings.Join(stay, ", ")+" stay on responses that corsgate denies or, with failure_mode_allow, that nobody decides",
			"remove these headers before the decision is written")
	}
	if len(eaten) > 0 {
		l.add(ruleApplyOrder, m.group(), at,
			strings.Join(eaten, ", ")+" are removed after they were written: mutations happen in their order, and those of a filter further down the list before those of one further up",
			"remove first, then write")
	}
}

// writes looks for parts of the decision that get lost.
func (l *linter) writes(m *manager, edits []edit, at Place) {
	var lost, foreign []string
	for _, h := range wire.HeaderMeta() {
		i := slices.IndexFunc(edits, func(e edit) bool { return e.writes() == h[0] })
		removed := slices.ContainsFunc(edits, func(e edit) bool { return e.removes(h[0]) })
		required := removed || h[1] == wire.MetaAllowOrigin || h[1] == wire.MetaAllowCredentials || h[1] == wire.MetaExposeHeaders
		switch {
		case i < 0 && required && !m.table.writes(h[0]):
			lost = append(lost, h[0])
		case i >= 0 && fromDecision(edits[i].value()) && !strings.Contains(edits[i].value(), metadata(h[1])):
			foreign = append(foreign, h[0]+" from "+edits[i].value())
		}
	}
	if len(lost) > 0 {
		l.add(ruleApplyIncomplete, m.group(), at,
			"the decision about "+strings.Join(lost, ", ")+" is not written; answers to preflights run through this filter too and lose what it removes",
			"write each from its key of the metadata, as corsgate render envoy does")
	}
	if len(foreign) > 0 {
		l.add(ruleApplyNamespace, m.group(), at,
			strings.Join(foreign, ", ")+": corsgate writes namespace "+wire.Namespace+" and other keys, so that the header is always left out",
			"write %DYNAMIC_METADATA(cors:acao)% and so on, as corsgate render envoy does")
	}
}

// inexact is what is wrong with adding Origin to Vary by a condition.
const inexact = "Origin is not added to every Vary that lacks it (\"Accept Origin\" is one: commas separate the names): caches and CDNs give the response for one origin to another"

// vary looks at what tells caches that responses depend on the Origin.
func (l *linter) vary(m *manager, edits []edit, at Place) {
	var named bool
	for _, e := range edits {
		if e.writes() != wire.HeaderVary {
			continue
		}
		named = named || strings.Contains(strings.ToLower(e.value()), wire.HeaderOrigin)
		switch how := e.GetAppend().GetAppendAction(); {
		case how == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS || how == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD && !strings.Contains(e.value(), "%CEL("):
			l.add(ruleVaryOverwritten, m.group(), e.inner.at,
				"vary is overwritten: what the application's own Vary says, Accept-Encoding for instance, is lost and caches mix up responses",
				"append_action: APPEND_IF_EXISTS_OR_ADD")
		case how == corev3.HeaderValueOption_ADD_IF_ABSENT:
			l.add(ruleVaryMissing, m.group(), e.inner.at,
				"vary is added only where the application sends none: caches give one origin's response to another",
				"append_action: APPEND_IF_EXISTS_OR_ADD, as cors-vary of corsgate render envoy does")
		case passesBy(e.value()):
			l.add(ruleVaryMissing, m.group(), e.inner.at, inexact, "write the expression of corsgate render envoy-gateway")
		case strings.EqualFold(strings.TrimSpace(e.value()), wire.HeaderOrigin) && !e.inner.unlessVaries:
			l.add(ruleVaryTwice, m.group(), e.inner.at,
				"Origin is appended to every Vary, also to one that names it: correct, and some caches keep both apart",
				"append it as cors-vary of corsgate render envoy does")
		}
	}
	switch {
	case named:
	case slices.ContainsFunc(m.filters, varies):
		l.add(ruleVaryMissing, m.group(), at, inexact, "let match_delegate pass by the filter as cors-vary of corsgate render envoy does, and for no other responses")
	default:
		l.add(ruleVaryMissing, m.group(), at,
			"nothing adds Origin to Vary: caches and CDNs give the response for one origin to another, with the wrong header or none",
			"append vary, as corsgate render envoy does, to responses to requests without an Origin too")
	}
}

// formatters looks at expressions, and at what makes more of them possible.
func (l *linter) formatters(m *manager) {
	for _, f := range m.filters {
		for _, in := range f.inner {
			mu, ok := in.config.(*mutationv3.HeaderMutation)
			if !ok {
				continue
			}
			concat := false
			for _, e := range mu.GetMutations().GetFormatters() {
				cel, ok := unpack(e.GetTypedConfig()).(*celv3.Cel)
				concat = concat || ok && cel.GetCelConfig().GetEnableStringConcat()
			}
			if len(mu.GetMutations().GetFormatters()) > 0 {
				l.add(ruleFormatters, m.group(), in.at,
					"header_mutation has formatters: Envoy before 1.40 refuses the listener, and Istio and Envoy Gateway drop the field without a word",
					"use cors-vary of corsgate render envoy, which needs none")
			}
			for _, h := range mu.GetMutations().GetResponseMutations() {
				if v := h.GetAppend().GetHeader().GetValue(); concatenates(v) && !concat {
					l.add(ruleFormatter, m.group(), in.at,
						"the expression for "+h.GetAppend().GetHeader().GetKey()+" joins strings with +, which needs a cel formatter with enable_string_concat: it fails, and the header stays as it was",
						"use cors-vary of corsgate render envoy, which joins nothing, or add the formatter (Envoy 1.40 and newer)")
				}
			}
		}
	}
}

// concatenates reports whether a CEL expression has a + outside of its strings.
func concatenates(value string) bool {
	_, expr, ok := strings.Cut(value, "%CEL(")
	if !ok {
		return false
	}
	var quote rune
	for _, c := range expr {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '\'' || c == '"':
			quote = c
		case c == '+':
			return true
		}
	}
	return false
}

package lint

import (
	"fmt"
	"slices"
	"strings"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
)

const (
	ruleNoCorsgate      ID = "no-corsgate"
	ruleWithout         ID = "listener-without-corsgate"
	ruleFilterDisabled  ID = "filter-disabled"
	rulePreflightNot    ID = "preflight-not-asked"
	ruleActualNot       ID = "actual-not-asked"
	rulePlainAsked      ID = "plain-asked"
	ruleAskedTwice      ID = "asked-twice"
	ruleResponseMode    ID = "response-mode-base"
	maxNamesOfListeners    = 5
)

func reachRules() []Rule {
	return []Rule{
		{ruleNoCorsgate, Error, "nothing asks corsgate"},
		{ruleWithout, Note, "some listeners do not ask corsgate"},
		{ruleFilterDisabled, Error, "the filter is switched off and no route switches it on"},
		{rulePreflightNot, Error, "preflights are not asked about"},
		{ruleActualNot, Error, "requests with an Origin are not asked about"},
		{rulePlainAsked, Warning, "requests without an Origin cost a call"},
		{ruleAskedTwice, Error, "one request is asked about twice"},
		{ruleResponseMode, Warning, "response headers are sent for requests that cannot be parsed"},
	}
}

// decides reports whether a filter would ask corsgate, switched off or not.
func (l *linter) decides(f *filter) bool {
	return slices.ContainsFunc(f.inner, func(in *inner) bool {
		p, ok := in.config.(*extprocv3.ExternalProcessor)
		return ok && l.options.isOurs(p, f.name, in.name)
	})
}

// absent reports what has nothing of corsgate's.
func (l *linter) absent(all, without []*manager) {
	switch {
	case len(all) == len(without):
		l.add(ruleNoCorsgate, "", Place{Name: "the configuration"},
			fmt.Sprintf("none of %d HTTP connection managers has an external processing filter that looks like corsgate's", len(all)),
			"add the filters of corsgate render envoy; if they are there under other names, say --cluster NAMES")
	case len(without) > 0:
		var names []string
		for _, m := range without[:min(len(without), maxNamesOfListeners)] {
			names = append(names, m.at.Name)
		}
		if more := len(without) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		l.add(ruleWithout, "", without[0].at,
			"no filter of corsgate's in "+strings.Join(names, "; ")+": what browsers send there gets no CORS headers but the application's own",
			"add the filters there too, if browsers use it")
	}
}

// reach holds against the rules which requests get to which call.
func (l *linter) reach(m *manager) {
	for _, f := range m.filters {
		if l.decides(f) && f.disabled && m.table != nil && !slices.ContainsFunc(m.calls, func(c *call) bool { return c.filter == f }) {
			l.add(ruleFilterDisabled, m.group(), f.at,
				"filter "+f.name+" has disabled: true and no route has settings for it: corsgate is never asked",
				"remove disabled, or switch it on in routes by typed_per_filter_config under the key "+f.name)
		}
	}
	if len(m.calls) == 0 {
		return
	}
	l.unasked(m)
	l.twice(m)
	for _, c := range m.calls {
		if c.byMetadata() && c.serves[plain] == yes {
			l.add(rulePlainAsked, c.group(), c.at,
				"requests without an Origin make a call, and design C has nothing to say about them: about 70 µs and a gRPC stream each",
				"match on the Origin by composite, match_delegate or routes, as corsgate render envoy does")
		}
		if c.sendsResponse() && c.filter.wrapper != composite && !c.filter.disabled {
			l.add(ruleResponseMode, c.group(), c.at,
				"response_header_mode is SEND for the filter as it stands in the chain: Envoy opens a stream for a request that it cannot parse, and the client loses the 400 or 431",
				"set response_header_mode: SKIP (design C), or put the filter into composite with a matcher")
		}
	}
}

func (l *linter) unasked(m *manager) {
	var request serves
	for _, c := range m.calls {
		if c.sendsRequest() {
			request = request.or(c.serves)
		}
	}
	at := m.calls[0].filter.at
	if request[preflight] == no {
		l.add(rulePreflightNot, m.group(), at,
			"no call shows corsgate the headers of a preflight: it goes to the application as a plain OPTIONS",
			"have one call with request_header_mode: SEND for OPTIONS with Origin and Access-Control-Request-Method")
	}
	var missing []string
	for _, s := range crossOrigin() {
		if !slices.ContainsFunc(m.calls, func(c *call) bool { return c.serves[s] != no && (c.sendsRequest() || c.sendsResponse()) }) {
			missing = append(missing, s.example())
		}
	}
	if len(missing) > 0 {
		l.add(ruleActualNot, m.group(), at,
			"no call is made for a request with an Origin that is no preflight ("+strings.Join(missing, ", ")+"): the page may send it and not read the answer, and nothing is refused",
			"have calls for all requests with an Origin")
	}
}

// twice looks for two filters that the same request runs through, as after a patch that was
// applied two times. In a composite only one runs.
func (l *linter) twice(m *manager) {
	chain := slices.DeleteFunc(slices.Clone(m.calls), func(c *call) bool { return c.route != nil })
	for i, c := range chain {
		for _, d := range chain[:i] {
			if d.filter == c.filter {
				continue
			}
			for s := range samples {
				if c.serves[s] == yes && d.serves[s] == yes && c.sendsRequest() == d.sendsRequest() {
					l.add(ruleAskedTwice, m.group(), c.filter.at,
						"filters "+d.filter.name+" and "+c.filter.name+" ask about the same request: twice the time, and the later answer may undo the earlier",
						"remove one of them")
					break
				}
			}
		}
	}
}

package migrate

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// layer is what one level of a route configuration says.
type layer struct {
	at     place
	policy *corsv3.CorsPolicy
	// off: the filter is disabled here.
	off bool
}

// layers finds the policies of routes. Envoy takes each field from the most specific level that has it.
type layers struct {
	notes   *notes
	names   []string
	anyName bool
	unused  []place // policies for filters that do not run
}

// typed reads the policy that a level has for the CORS filter, if any.
func (l *layers) typed(at place, n node) *layer {
	configs := n.field("typed_per_filter_config")
	for _, name := range configs.keys() {
		value, at := configs.get(name), at.in("typed_per_filter_config["+name+"]")
		if strings.HasSuffix(value.get("@type").text(), ".route.v3.FilterConfig") {
			off := value.get("disabled").boolean()
			value = value.get("config")
			if off && (slices.Contains(l.names, name) || l.anyName && strings.Contains(name, "cors")) {
				return &layer{at: at, off: true}
			}
		}
		if strings.HasSuffix(value.get("@type").text(), ".TypedStruct") && strings.HasSuffix(value.field("type_url").text(), ".cors.v3.CorsPolicy") {
			value = value.get("value")
		} else if !strings.HasSuffix(value.get("@type").text(), ".cors.v3.CorsPolicy") {
			continue
		}
		if !l.anyName && !slices.Contains(l.names, name) {
			l.unused = append(l.unused, at)
			continue
		}
		p := &corsv3.CorsPolicy{}
		l.message(at, value, p)
		return &layer{at: at, policy: p}
	}
	return nil
}

// legacy reads the older field cors.
func (l *layers) legacy(at place, n node) *layer {
	value := n.get("cors")
	if value.value == nil {
		return nil
	}
	at = at.in("cors")
	if !l.anyName && len(l.names) == 0 {
		l.unused = append(l.unused, at)
		return nil
	}
	old := &routev3.CorsPolicy{}
	l.message(at, value, old)
	return &layer{at: at, policy: &corsv3.CorsPolicy{
		AllowOriginStringMatch: old.GetAllowOriginStringMatch(), AllowMethods: old.GetAllowMethods(), AllowHeaders: old.GetAllowHeaders(),
		ExposeHeaders: old.GetExposeHeaders(), MaxAge: old.GetMaxAge(), AllowCredentials: old.GetAllowCredentials(),
		FilterEnabled: old.GetFilterEnabled(), ShadowEnabled: old.GetShadowEnabled(),
		AllowPrivateNetworkAccess: old.GetAllowPrivateNetworkAccess(), ForwardNotMatchingPreflights: old.GetForwardNotMatchingPreflights(),
	}}
}

// message fills m from a part of a document. What it does not know, it reports.
func (l *layers) message(at place, n node, m proto.Message) {
	fields, _ := n.value.(map[string]any)
	plain := make(map[string]any, len(fields))
	for name, value := range fields {
		if name != "@type" {
			plain[name] = value
		}
	}
	text, err := json.Marshal(plain)
	if err == nil {
		err = protojson.Unmarshal(text, m)
	}
	if err == nil {
		return
	}
	l.notes.narrower(CodeUnknownField, at, "", "the policy has what this version does not know, or cannot read: "+plainError(err), "look at what it does")
	proto.Reset(m)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, m); err != nil {
		proto.Reset(m) // a policy without origins allows nothing
	}
}

// plainError is the text of an error of protojson, which varies its blanks on purpose.
func plainError(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\u00a0", " ")), " ")
}

// virtualHost reads the routes of a virtual host; whole is what the route configuration says.
func (l *layers) virtualHost(at place, vh node, whole *layer) []rule {
	own, old := l.typed(at, vh), l.legacy(at, vh)
	if vh.get("matcher").value != nil {
		l.notes.narrower(CodeField, at.in("matcher"), "", "a tree of matchers is not read; its paths get no policy", "write them by hand")
		return []rule{{at: at, kind: pathAll}}
	}
	var out []rule
	for i, route := range vh.get("routes").items() {
		at := at.in("routes" + index(i))
		r := routeRule(at, route.get("match"))
		action := route.get("route")
		r.reply = route.get("redirect").value != nil || route.field("direct_response").value != nil
		found := existing(l.typed(at, route), own, whole)
		if len(found) == 0 {
			found = existing(l.legacy(at.in("route"), action), old)
		}
		if l.weighted(at, action) {
			found = nil
		}
		r.policy = l.effective(found)
		out = append(out, r)
	}
	return out
}

func existing(all ...*layer) []*layer {
	return slices.DeleteFunc(all, func(l *layer) bool { return l == nil })
}

// weighted reports whether clusters of one route have policies of their own.
func (l *layers) weighted(at place, action node) bool {
	for i, c := range action.field("weighted_clusters").get("clusters").items() {
		at := at.in("route.weighted_clusters.clusters" + index(i))
		if l.typed(at, c) != nil {
			l.notes.narrower(CodeField, at, "", "which cluster, and so which policy, a request gets is chance; its route gets no policy", "write one policy for the route")
			return true
		}
	}
	return false
}

// routeRule reads which requests a route takes.
func routeRule(at place, match node) rule {
	r := rule{at: at, kind: pathBytes, path: "/"}
	for _, key := range match.keys() {
		value := match.get(key)
		switch key {
		case "prefix":
			r.kind, r.path = pathBytes, value.text()
		case "path":
			r.kind, r.path = pathExact, value.text()
		case "path_separated_prefix", "pathSeparatedPrefix":
			r.kind, r.path = pathSegments, value.text()
		case "safe_regex", "safeRegex":
			r.kind, r.path, r.partial = pathBytes, literalStart(value.get("regex").text()), true
		case "case_sensitive", "caseSensitive":
			if !value.boolean() {
				return rule{at: at, kind: pathAll, partial: true}
			}
		default:
			r.partial = true
		}
	}
	if r.kind == pathBytes && (r.path == "/" || r.path == "") {
		r.kind = pathAll
	}
	return r
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

package migrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// virtualServices reads corsPolicy of Istio's VirtualServices, which becomes a policy of Envoy's filter.
func (c *cluster) virtualServices() []site {
	var hosts byHost
	found := false
	for _, o := range c.of("networking.istio.io", "VirtualService") {
		var rules []rule
		for i, http := range o.spec().get("http").items() {
			at := o.at().in("spec.http" + index(i))
			found = found || http.has("corsPolicy")
			rules = append(rules, c.istioRules(at, http)...)
		}
		for i, host := range o.spec().get("hosts").texts() {
			at := o.at().in("spec.hosts" + index(i))
			if !strings.Contains(host, ".") && host != "*" && found {
				c.notes.changed(CodeHost, at, host, "only this name is taken over, not those with namespace and domain", "add the others to hosts")
			}
			hosts.add(at, host, rules...)
		}
	}
	if !found {
		return nil
	}
	return hosts.sorted(catchAllLast)
}

func (c *cluster) istioRules(at place, http node) []rule {
	var policy *source
	if http.has("corsPolicy") {
		policy = c.istioPolicy(at.in("corsPolicy"), http.get("corsPolicy"))
	}
	if http.has("delegate") {
		c.notes.narrower(CodeField, at.in("delegate"), "", "delegates are not followed; these paths get no policy", "write them by hand")
		policy = nil
	}
	base := rule{at: at, kind: pathAll, policy: policy, reply: http.has("redirect") || http.has("directResponse")}
	matches := http.get("match").items()
	if len(matches) == 0 {
		return []rule{base}
	}
	var out []rule
	for i, m := range matches {
		r := base
		r.at = at.in("match" + index(i))
		istioMatch(&r, m)
		out = append(out, r)
	}
	return out
}

func istioMatch(r *rule, m node) {
	uri := m.get("uri")
	switch {
	case m.get("ignoreUriCase").boolean():
		r.partial = true
	case uri.has("prefix") && uri.get("prefix").text() != "/":
		r.kind, r.path = pathBytes, uri.get("prefix").text()
	case uri.has("exact"):
		r.kind, r.path = pathExact, uri.get("exact").text()
	case uri.has("regex"):
		r.kind, r.path, r.partial = pathBytes, literalStart(uri.get("regex").text()), true
	}
	for _, key := range m.keys() {
		r.partial = r.partial || key != "uri" && key != "name" && key != "ignoreUriCase"
	}
}

func (c *cluster) istioPolicy(at place, n node) *source {
	n.fields(c.notes, at, map[string]fieldType{
		"allowOrigins": listField, "allowOrigin": listField, "allowMethods": listField, "allowHeaders": listField,
		"exposeHeaders": listField, "maxAge": textField, "allowCredentials": boolField, "unmatchedPreflights": textField,
	})
	s := &source{
		at: at, credentials: n.get("allowCredentials").boolean(),
		methods: joined(at.in("allowMethods"), n.get("allowMethods")),
		headers: joined(at.in("allowHeaders"), n.get("allowHeaders")),
		expose:  joined(at.in("exposeHeaders"), n.get("exposeHeaders")),
	}
	s.methods.echo, s.headers.echo = s.methods.text == star, s.headers.text == star
	s.maxAge = c.lifetime(at.in("maxAge"), n.get("maxAge").text())
	for i, o := range n.get("allowOrigins").items() {
		s.origins = append(s.origins, c.istioOrigin(at.in("allowOrigins"+index(i)), o))
	}
	if !n.has("allowOrigins") {
		for i, text := range n.get("allowOrigin").texts() {
			s.origins = append(s.origins, matcher{at: at.in("allowOrigin" + index(i)), kind: exact, text: text})
		}
	}
	return s
}

func (c *cluster) istioOrigin(at place, o node) matcher {
	for _, kind := range []struct {
		name string
		kind matcherKind
	}{{"exact", exact}, {"prefix", prefix}, {"regex", regex}} {
		if text := o.get(kind.name).text(); text != "" {
			return orStar(matcher{at: at, kind: kind.kind, text: text})
		}
	}
	return matcher{at: at, kind: unreadable, text: fmt.Sprint(o.keys())}
}

// joined is a list as Envoy gets it.
func joined(at place, n node) list { return list{at: at, text: strings.Join(n.texts(), ",")} }

// lifetime is a duration in whole seconds, as the headers of gateways have it.
func (c *cluster) lifetime(at place, text string) list {
	if text == "" {
		return list{}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		c.notes.changed(CodeMaxAge, at, text, "this is no duration; no lifetime is written", "")
		return list{}
	}
	return list{at: at, text: strconv.FormatInt(int64(d/time.Second), 10)}
}

package migrate

import (
	"slices"
	"strings"
)

// maxDepth bounds how deep a configuration is looked into.
const maxDepth = 64

// chain is an HTTP connection manager: what says whether a route configuration runs the CORS filter.
type chain struct {
	filters []string // names of its CORS filters
	route   string   // the name of the route configuration that it asks for
}

// routeTable is a route configuration.
type routeTable struct {
	at   place
	root node
	// inline is its connection manager, nil when it stands alone.
	inline *chain
}

// envoyReader finds connection managers and route configurations wherever they are: in a
// bootstrap, an answer of a route discovery service, or a dump of a running Envoy.
type envoyReader struct {
	notes  *notes
	chains []*chain
	tables []routeTable
}

func readEnvoy(n *notes, docs []page) []site {
	r := envoyReader{notes: n}
	for _, d := range docs {
		r.walk(d.file, d.root, nil, 0)
	}
	var sites []site
	for i := range r.tables {
		sites = append(sites, r.table(&r.tables[i])...)
	}
	return sites
}

// walk looks for what it knows in a part of a document that belongs to a chain, or to none.
func (r *envoyReader) walk(file string, n node, in *chain, depth int) {
	if depth > maxDepth {
		return
	}
	for _, item := range n.items() {
		r.walk(file, item, in, depth+1)
	}
	if n.field("http_filters").value != nil || n.field("stat_prefix").value != nil && n.get("rds").value != nil {
		in = &chain{filters: corsFilters(n), route: n.at("rds").field("route_config_name").text()}
		r.chains = append(r.chains, in)
	}
	if n.field("virtual_hosts").value != nil {
		r.tables = append(r.tables, routeTable{at: place{file: file, object: "route configuration " + n.get("name").text()}, root: n, inline: in})
		return
	}
	for _, key := range n.keys() {
		switch key {
		case "warming_state", "draining_state", "error_state", "warmingState", "drainingState", "errorState":
			continue // not what a running Envoy does
		}
		r.walk(file, n.get(key), in, depth+1)
	}
}

// corsFilters are the names of the CORS filters of a connection manager that run by default.
func corsFilters(manager node) []string {
	var out []string
	for _, f := range manager.field("http_filters").items() {
		kind := f.field("typed_config").get("@type").text()
		name := f.get("name").text()
		if strings.HasSuffix(kind, ".cors.v3.Cors") || kind == "" && name == "envoy.filters.http.cors" {
			if !f.get("disabled").boolean() {
				out = append(out, name)
			}
		}
	}
	return out
}

// filters are the names of the CORS filters that a route configuration runs with; nil when there is none, and any when
// nobody in the input asks for it.
func (r *envoyReader) filters(t *routeTable) (names []string, anyName bool) {
	if t.inline != nil {
		return t.inline.filters, false
	}
	name, asked := t.root.get("name").text(), false
	for _, c := range r.chains {
		if c.route == name && name != "" {
			asked = true
			names = append(names, c.filters...)
		}
	}
	return names, !asked
}

// table reads a route configuration.
func (r *envoyReader) table(t *routeTable) []site {
	names, anyName := r.filters(t)
	l := layers{notes: r.notes, names: names, anyName: anyName}
	if anyName {
		r.notes.changed(CodeTarget, t.at, "", "no listener of the input uses it; that it runs the CORS filter is assumed", "give the listeners, too")
	}
	var sites []site
	whole := l.typed(t.at, t.root)
	for _, vh := range t.root.field("virtual_hosts").items() {
		at := place{file: t.at.file, object: t.at.object + ", virtual host " + vh.get("name").text()}
		rules := l.virtualHost(at, vh, whole)
		for i, domain := range vh.get("domains").texts() {
			at := at.in("domains" + index(i))
			host, port := withoutPort(domain)
			if port {
				r.notes.changed(CodeHost, at, domain, "a tenant has its host on every port", "")
			}
			sites = append(sites, site{at: at, host: host, rules: rules})
		}
	}
	if !slices.ContainsFunc(sites, hasPolicy) {
		if len(l.unused) > 0 {
			for _, at := range l.unused {
				r.notes.ignored(CodeNoEffect, at, "", "no CORS filter runs by this name, so that the policy has no effect", "")
			}
		}
	}
	return sites
}

func hasPolicy(s site) bool {
	return slices.ContainsFunc(s.rules, func(r rule) bool { return r.policy != nil })
}

// withoutPort cuts the port of a domain.
func withoutPort(domain string) (host string, port bool) {
	i := strings.LastIndexByte(domain, ':')
	if i < 0 || strings.HasSuffix(domain, "]") {
		return domain, false
	}
	return domain[:i], true
}

package migrate

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

const (
	nginxPrefix = "nginx.ingress.kubernetes.io/"

	nginxMethods = "GET, PUT, POST, DELETE, PATCH, OPTIONS"
	nginxHeaders = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization"
	nginxMaxAge  = "1728000"
)

// nginxForms are the forms that ingress-nginx checks annotations by.
type nginxForms struct{ list, origin, methods, headers, expose *regexp.Regexp }

func newNginxForms() nginxForms {
	return nginxForms{
		list:    regexp.MustCompile(`^((((([a-z]+://)?(\*\.)?[A-Za-z0-9\-.]*(:\d+)?,?)|null)+)|\*)?$`),
		origin:  regexp.MustCompile(`^([a-z]+://(\*\.)?[A-Za-z0-9\-.]*(:\d+)?|\*|null)$`),
		methods: regexp.MustCompile(`^([A-Za-z]+,?\s?)+$`),
		headers: regexp.MustCompile(`^[A-Za-z0-9\-_, ]*$`),
		expose:  regexp.MustCompile(`^(([A-Za-z0-9\-_]+|\*),?\s?)+$`),
	}
}

// ingresses reads the CORS annotations of ingress-nginx.
func (c *cluster) ingresses() []site {
	var hosts byHost
	forms := newNginxForms()
	found := false
	for _, o := range c.of("networking.k8s.io", "Ingress") {
		notes := o.root.at("metadata", "annotations")
		a := annotations{cluster: c, at: o.at().in("metadata.annotations"), values: notes}
		if a.get("canary") == "true" {
			c.notes.ignored(CodeNoEffect, a.at, "canary", "a canary has the CORS annotations of its main Ingress", "")
			continue
		}
		a.unknown()
		var policy *source
		if enabled, err := strconv.ParseBool(a.get("enable-cors")); err == nil && enabled {
			policy, found = a.policy(&forms), true
		}
		for i, r := range o.spec().get("rules").items() {
			at := o.at().in("spec.rules" + index(i))
			host := cmp.Or(r.get("host").text(), "*")
			if strings.HasPrefix(host, "*.") && policy != nil {
				c.notes.changed(CodeHost, at, host, "the tenant has names several labels below it, too; ingress-nginx serves one", "")
			}
			hosts.add(at, host, a.rules(at, r, policy)...)
		}
		if len(o.spec().get("rules").items()) == 0 && policy != nil {
			hosts.add(o.at(), "*", rule{at: o.at(), kind: pathAll, policy: policy})
		}
	}
	if !found {
		return nil
	}
	return hosts.sorted(mostSpecific)
}

// annotations are those of one Ingress.
type annotations struct {
	cluster *cluster
	at      place
	values  node
}

func (a *annotations) get(name string) string {
	return strings.TrimSpace(a.values.get(nginxPrefix + name).text())
}

// unknown reports annotations about CORS that are not known, and snippets that may be about it.
func (a *annotations) unknown() {
	for _, key := range a.values.keys() {
		name, ok := strings.CutPrefix(key, nginxPrefix)
		if !ok {
			continue
		}
		switch name {
		case "enable-cors", "cors-allow-origin", "cors-allow-methods", "cors-allow-headers", "cors-allow-credentials", "cors-expose-headers", "cors-max-age":
			continue
		}
		if strings.Contains(name, "cors") {
			a.cluster.notes.changed(CodeUnknownField, a.at, name, "this annotation is not known and is not converted", "look at what it does")
		}
		if strings.HasSuffix(name, "-snippet") && strings.Contains(strings.ToLower(a.values.get(key).text()), "access-control-") {
			a.cluster.notes.narrower(CodeField, a.at, name, "the snippet writes CORS headers and is not converted", "write a policy by hand")
		}
	}
}

// rules are the paths of a host.
func (a *annotations) rules(at place, r node, policy *source) []rule {
	paths := r.at("http", "paths").items()
	if len(paths) == 0 {
		return []rule{{at: at, kind: pathAll, policy: policy}}
	}
	expressions := a.get("use-regex") == "true" || a.get("rewrite-target") != ""
	var out []rule
	for i, p := range paths {
		path := cmp.Or(p.get("path").text(), "/")
		one := rule{at: at.in("http.paths" + index(i)), path: path, policy: policy}
		switch kind := p.get("pathType").text(); {
		case path == "/" && kind != "Exact":
			one.kind = pathAll
		case expressions: // without regard to case
			one.kind, one.path, one.partial = pathAll, "", true
		case kind == "Exact":
			one.kind = pathExact
		case kind == "Prefix":
			one.kind = pathSegments
		default:
			one.kind = pathBytes
		}
		out = append(out, one)
	}
	return out
}

// valid is an annotation, or the default that ingress-nginx puts in its place.
func (a *annotations) valid(name string, form *regexp.Regexp, byDefault string) list {
	l := list{at: a.at.in(name), text: a.get(name)}
	if l.text != "" && form.MatchString(l.text) {
		return l
	}
	detail := "the default of ingress-nginx is written: " + byDefault
	if l.text != "" {
		detail = "ingress-nginx does not take the value; " + detail
	}
	if byDefault != "" {
		a.cluster.notes.changed(CodeDefault, l.at, l.text, detail, "")
	}
	l.text = byDefault
	return l
}

func (a *annotations) policy(forms *nginxForms) *source {
	s := &source{
		at:      a.at,
		methods: a.valid("cors-allow-methods", forms.methods, nginxMethods),
		headers: a.valid("cors-allow-headers", forms.headers, nginxHeaders),
		expose:  a.valid("cors-expose-headers", forms.expose, ""),
		maxAge:  list{at: a.at.in("cors-max-age"), text: a.get("cors-max-age")},
	}
	if _, err := strconv.Atoi(s.maxAge.text); err != nil {
		a.cluster.notes.changed(CodeDefault, s.maxAge.at, s.maxAge.text, "the default of ingress-nginx is meant: "+nginxMaxAge, "")
		s.maxAge.text = nginxMaxAge
	}
	credentials, err := strconv.ParseBool(a.get("cors-allow-credentials"))
	s.credentials = credentials || err != nil
	s.origins = a.origins(forms)
	if s.credentials && len(s.origins) == 1 && s.origins[0].text == anyOrigin {
		s.credentials = false
		a.cluster.notes.ignored(CodeOriginLiteral, a.at.in("cors-allow-credentials"), "true", "beside the literal star that ingress-nginx sends, browsers never use credentials; the document has none", "")
	} else if err != nil {
		a.cluster.notes.changed(CodeDefault, a.at.in("cors-allow-credentials"), a.get("cors-allow-credentials"), "the default of ingress-nginx is written: true", "")
	}
	return s
}

// origins reads the list of origins. ingress-nginx compares without regard to case, and a star is one label.
func (a *annotations) origins(forms *nginxForms) []matcher {
	at, text := a.at.in("cors-allow-origin"), a.get("cors-allow-origin")
	if text == "" {
		a.cluster.notes.changed(CodeDefault, at, "", "the default of ingress-nginx is written: *", "list the origins")
		return []matcher{{at: at, kind: exact, text: anyOrigin}}
	}
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == anyOrigin { // whether ingress-nginx takes the list or not
			return []matcher{{at: at, kind: exact, text: anyOrigin}}
		}
	}
	if !forms.list.MatchString(strings.ReplaceAll(text, " ", "")) {
		a.cluster.notes.narrower(CodeOriginDropped, at, text, "ingress-nginx does not take the list and allows every origin; the document allows none", "list the origins")
		return nil
	}
	var out []matcher
	for part := range strings.SplitSeq(text, ",") {
		origin := strings.TrimSpace(part)
		switch {
		case origin == "":
		case !forms.origin.MatchString(origin):
			a.cluster.notes.ignored(CodeOriginDead, at, origin, "ingress-nginx leaves this origin out", "")
		case strings.Contains(origin, "*"):
			label := strings.Replace(regexp.QuoteMeta(origin), `\*`, `[A-Za-z0-9-]+`, 1)
			out = append(out, matcher{at: at, kind: regex, text: label, fold: true, written: origin})
		default:
			out = append(out, matcher{at: at, kind: exact, text: origin, fold: true})
		}
	}
	return out
}

package policy

import "strings"

// Explanation is what explain prints.
type Explanation struct {
	Decision Decision
	Rule     string     // "rule 30"
	Text     string     // what the reason means, in one sentence
	Subject  string     // what the reason is about: the origin, the method or the header name
	Entry    string     // the entry that matched, as written
	Near     []NearMiss // for denials
}

// Explain decides r as Decide does, with the same steps, and says why. Unlike
// Decide it walks the whole list of origins and allocates.
func (p *Policy) Explain(r *Request) Explanation {
	d := p.Decide(r)
	x := Explanation{Decision: d, Rule: d.Reason.Rule(), Text: d.Reason.Text(), Entry: p.Entry(d.OriginIndex)}
	var c class
	c.read(r)
	switch d.Reason {
	case MethodMalformed, MethodForbidden, MethodNotListed:
		x.Subject = c.method
		x.Near = p.nearMethods(c.method)
	case HeadersMalformed, HeadersOversize, HeadersNotListed:
		_, x.Subject, _ = p.checkHeaders(r.RequestHeaders)
	case OriginNull, OriginNotListed, OriginMalformed, OriginMultiple:
		x.Subject = c.origin
		x.Near = p.nearOrigins(c.origin, r.Now)
	default:
		x.Subject = c.origin
	}
	if c.kind == SameOrigin && !c.same && d.Outcome == Passthrough {
		x.Near = p.nearOrigins(c.origin, r.Now)
	}
	return x
}

// nearMethods finds listed methods that differ by case only (rule 37).
func (p *Policy) nearMethods(method string) []NearMiss {
	for _, m := range append([]string{"GET", "HEAD", "POST"}, strings.Split(p.methods.joined(), listSeparator)...) {
		if m != method && equalFold(m, method) {
			return []NearMiss{{Kind: nearCase, Entry: m, Hint: "methods have case: the script has to ask for " + strings.ToValidUTF8(m, "")}}
		}
	}
	return nil
}

// NearMiss is an entry that almost matched.
type NearMiss struct {
	Kind  string // scheme, port, www, slash, case, apex, subdomain, expired
	Entry string
	Hint  string
}

// The kinds of near misses.
const (
	nearScheme    = "scheme"
	nearPort      = "port"
	nearWWW       = "www"
	nearSlash     = "slash"
	nearCase      = "case"
	nearApex      = "apex"
	nearSubdomain = "subdomain"
	nearExpired   = "expired"
)

// maxNear bounds the near misses of one explanation.
const maxNear = 10

// nearOrigins finds the entries that almost match the origin text.
func (p *Policy) nearOrigins(text string, now int64) []NearMiss {
	if len(text) > maxOriginBytes {
		return nil
	}
	if n, ok := p.nearSpelling(text, now); ok {
		return []NearMiss{n}
	}
	o, ok := parseOrigin(text)
	if !ok {
		return nil
	}
	var near []NearMiss
	for i := range p.texts.len() {
		if len(near) == maxNear {
			break
		}
		entry := p.Entry(i)
		pattern, ok := parsePattern(entry)
		if !ok {
			continue
		}
		if n, ok := nearEntry(&pattern, &o, p.ended(i, now)); ok {
			n.Entry = entry
			near = append(near, n)
		}
	}
	return near
}

// nearSpelling finds out whether the same origin, spelled as a browser would, is allowed.
func (p *Policy) nearSpelling(text string, now int64) (n NearMiss, ok bool) {
	f := firstFault(text)
	switch f.code {
	case CodeOriginPath:
		n.Kind = nearSlash
	case CodeOriginCase:
		n.Kind = nearCase
	case CodeOriginDefaultPort:
		n.Kind = nearPort
	default:
		return n, false
	}
	var d Decision
	if fix := canonicalEntry(text); fix == "" || !p.matchOrigin(&d, fix, now) {
		return n, false
	}
	n.Entry, n.Hint = p.Entry(d.OriginIndex), f.detail
	return n, true
}

// nearEntry says by which one difference p misses o. At most one part may differ,
// for an entry that differs in two is not near.
func nearEntry(p *pattern, o *origin, expired bool) (NearMiss, bool) {
	if p.any {
		return NearMiss{Kind: nearExpired, Hint: "the entry has ended"}, expired
	}
	host := nearHost(p, o)
	scheme := p.scheme == o.scheme
	port := p.port == anyPort || p.port == o.port
	switch {
	case host == "" && scheme && port:
		return NearMiss{Kind: nearExpired, Hint: "the entry has ended"}, expired
	case host == "" && port:
		return NearMiss{Kind: nearScheme, Hint: "the entry is " + p.scheme + ", the page is " + o.scheme}, true
	case host == "" && scheme:
		return NearMiss{Kind: nearPort, Hint: "the entry has " + portText(p.port) + ", the page has " + portText(o.port)}, true
	case scheme && port:
		return NearMiss{Kind: host, Hint: hostHint(host)}, host != "far"
	}
	return NearMiss{}, false
}

// nearHost compares hosts: "" when the entry takes the origin's host, the kind of the
// near miss, or "far".
func nearHost(p *pattern, o *origin) string {
	below := strings.HasSuffix(o.host, "."+p.host) && len(o.host) > len(p.host)+1
	switch {
	case p.form == hostAny,
		p.form == hostBelow && below,
		p.form == hostExact && p.host == o.host:
		return ""
	case p.form == hostBelow && p.host == o.host:
		return nearApex
	case p.form == hostBelow:
		return "far"
	case o.host == "www."+p.host, p.host == "www."+o.host:
		return nearWWW
	case below && !isAddress(p.host):
		return nearSubdomain
	}
	return "far"
}

func hostHint(kind string) string {
	switch kind {
	case nearApex:
		return "a *. entry takes the names below it, not the name itself; list that too"
	case nearWWW:
		return "with and without www are two origins; list both"
	case nearSubdomain:
		return "an entry takes its own host only; list the subdomain, or *. for all of them"
	}
	return ""
}

func portText(port string) string {
	if port == "" {
		return "the default port"
	}
	return "port " + port
}

package policy

import "strings"

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
	if near, ok := p.nearSpelling(text, now); ok {
		return near
	}
	o, ok := parseOrigin(text)
	if !ok {
		return nil
	}
	var near []NearMiss
	permanent := int(p.permanent)
	for i := range p.origins.len() {
		if len(near) == maxNear {
			break
		}
		entry := p.Entry(i)
		pattern, ok := parsePattern(entry)
		if !ok {
			continue
		}
		expired := i >= permanent && now >= p.timed.origins.expires[i-permanent]
		if n, ok := nearEntry(&pattern, &o, expired); ok {
			n.Entry = entry
			near = append(near, n)
		}
	}
	return near
}

// nearSpelling finds out whether the same origin, spelled as a browser would, is allowed.
func (p *Policy) nearSpelling(text string, now int64) ([]NearMiss, bool) {
	base := text
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if i := strings.IndexAny(rest, `/?#`); i >= 0 {
			base = scheme + "://" + rest[:i]
		}
	}
	for _, try := range [...]struct{ kind, text, hint string }{
		{nearSlash, base, "an Origin header holds no slash or path behind the host; browsers send it without"},
		{nearCase, lowerASCII(base), "origins are compared byte for byte; browsers send them in lower case"},
	} {
		d := Decision{Entry: -1}
		if try.text != text && p.matchOrigin(&d, try.text, now) {
			return []NearMiss{{Kind: try.kind, Entry: p.Entry(d.Entry), Hint: try.hint}}, true
		}
	}
	return nil, false
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

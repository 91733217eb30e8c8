package policy

import (
	"fmt"
	"slices"
	"strings"
)

// compileRequestHeaders reads the names that scripts may send (rule 44). Names have
// no case (RFC 9110 §5.1); they are sent in lower case, as browsers do.
func (p *Policy) compileRequestHeaders(problems *Problems) {
	names, star := compileNames("request_headers", p.spec.RequestHeaders, problems)
	p.anyHeader = star
	p.headers = make(nameSet, len(names))
	for _, name := range names {
		p.headers[name] = true
	}
	listed := p.headers[authorization]
	switch {
	case p.spec.Preflight.Minimal, star && p.spec.Credentials:
		// What was asked is echoed (rules 44a and 54).
	case star && listed:
		p.allowHeaders = "*" + listSeparator + authorization
	case star:
		p.allowHeaders = "*"
	default:
		p.allowHeaders = strings.Join(names, listSeparator)
	}
}

// compileExposeHeaders reads the names that scripts may read (rule 66).
func (p *Policy) compileExposeHeaders(problems *Problems) {
	names, star := compileNames("expose_headers", p.spec.ExposeHeaders, problems)
	for i, name := range p.spec.ExposeHeaders {
		switch path := at("expose_headers", i); {
		case forbiddenResponseName(lowerASCII(name)):
			problems.add(path, name, fault{code: CodeExposeForbidden, detail: "scripts can never read this header", fix: "remove it"})
		case safelistedResponseName(lowerASCII(name)):
			problems.add(path, name, fault{code: CodeExposeSafelisted, detail: "scripts can always read this header", fix: "remove it"})
		}
	}
	if star && !p.spec.Credentials {
		p.exposeHeaders = "*"
		return
	}
	p.exposeAll = star
	p.exposeHeaders = strings.Join(names, listSeparator)
}

// compileNames checks a list of header names and returns it in lower case, each name
// once and "*" apart.
func compileNames(field string, list []string, problems *Problems) (names []string, star bool) {
	if len(list) > maxNames {
		problems.add(field, "", fault{code: CodeLimit, detail: fmt.Sprintf("%d header names are more than 500", len(list))})
		return nil, false
	}
	for i, name := range list {
		if name == "*" {
			star = true
			continue
		}
		if len(name) > maxNameBytes || !isToken(name) {
			problems.add(at(field, i), name, fault{code: CodeHeaderMalformed, detail: "a header name is a token of at most 128 bytes"})
			continue
		}
		if name = lowerASCII(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, star
}

// forbiddenResponseName is Fetch § forbidden response-header name.
func forbiddenResponseName(name string) bool {
	return name == "set-cookie" || name == "set-cookie2"
}

// safelistedResponseName is Fetch § CORS-safelisted response-header name.
func safelistedResponseName(name string) bool {
	switch name {
	case "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma":
		return true
	}
	return false
}

// forbiddenRequestName is Fetch § forbidden request-header, by name: scripts cannot
// set these, so browsers never ask for them.
func forbiddenRequestName(name string) bool {
	switch name {
	case "accept-charset", "accept-encoding", "access-control-request-headers", "access-control-request-method",
		"access-control-request-private-network", "connection", "content-length", "cookie", "cookie2", "date", "dnt",
		"expect", "host", "keep-alive", "origin", "referer", "set-cookie", "te", "trailer", "transfer-encoding",
		"upgrade", "via":
		return true
	}
	return strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "sec-")
}

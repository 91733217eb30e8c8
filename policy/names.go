package policy

import (
	"fmt"
	"slices"
	"strings"
)

// compileRequestHeaders reads the names that scripts may send (rule 44). Names have
// no case (RFC 9110 §5.1); they are sent in lower case, as browsers do.
func (c *compiler) compileRequestHeaders() {
	c.p.headers, c.p.anyHeader = c.compileNames("request_headers", c.spec.RequestHeaders)
}

// compileExposeHeaders reads the names that scripts may read (rule 66).
func (c *compiler) compileExposeHeaders() {
	c.p.exposed, c.p.exposeStar = c.compileNames("expose_headers", c.spec.ExposeHeaders)
	for i, name := range c.spec.ExposeHeaders {
		switch folded := lowerASCII(name); {
		case forbiddenResponseName(folded):
			c.problems.add(at("expose_headers", i), name, fault{code: CodeExposeForbidden, detail: "scripts can never read this header", fix: "remove it"})
		case safelistedResponseName(folded):
			c.problems.add(at("expose_headers", i), name, fault{code: CodeExposeSafelisted, detail: "scripts can always read this header", fix: "remove it"})
		}
	}
}

// compileNames checks a list of header names and returns it in lower case, each name
// once and "*" apart.
func (c *compiler) compileNames(field string, list []string) (set nameSet, star bool) {
	if len(list) > maxNames {
		c.problems.add(field, "", fault{code: CodeLimit, detail: fmt.Sprintf("%d header names are more than 500", len(list))})
		return nameSet{}, false
	}
	names := make([]string, 0, 16)
	for i, name := range list {
		if name == "*" {
			star = true
			continue
		}
		if len(name) > maxNameBytes || !isToken(name) {
			c.problems.add(at(field, i), name, fault{code: CodeHeaderMalformed, detail: "a header name is a token of at most 128 bytes"})
			continue
		}
		if name = lowerASCII(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return packNames(names), star
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

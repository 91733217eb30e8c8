package policy

import "unique"

// Header values that only depend on the policy; "" where there is nothing to send or where
// the value depends on the request.

// allowMethods is Access-Control-Allow-Methods.
func (p *Policy) allowMethods() string {
	switch {
	case p.echoesMethod():
		return ""
	case p.anyMethod:
		return "*"
	}
	if listed := p.methods.joined(); listed != "" {
		return listed
	}
	return "GET, HEAD, POST" // what passes without being listed (rule 38)
}

// allowHeaders is Access-Control-Allow-Headers.
func (p *Policy) allowHeaders() string {
	if p.echoesHeaders() {
		return ""
	}
	if !p.anyHeader {
		return p.headers.joined()
	}
	if listed := p.headers.open(); listed.has(authorization) {
		return "*" + listSeparator + authorization
	}
	return "*"
}

// exposeHeaders is Access-Control-Expose-Headers.
func (p *Policy) exposeHeaders() string {
	if p.exposeStar && !p.credentials {
		return "*"
	}
	return p.exposed.joined()
}

// maxAgeValue is Access-Control-Max-Age.
func (p *Policy) maxAgeValue() string {
	if p.maxAge == (unique.Handle[string]{}) {
		return ""
	}
	return p.maxAge.Value()
}

// echoesMethod reports whether a preflight is answered by the method that it asked for
// (rules 40 and 54).
func (p *Policy) echoesMethod() bool { return p.minimal || p.anyMethod && p.credentials }

// echoesHeaders reports whether a preflight is answered by the names that it asked for
// (rules 44a and 54).
func (p *Policy) echoesHeaders() bool { return p.minimal || p.anyHeader && p.credentials }

// exposesAll reports whether the names come from each response: "expose all" with
// credentials (rule 66).
func (p *Policy) exposesAll() bool { return p.exposeStar && p.credentials }

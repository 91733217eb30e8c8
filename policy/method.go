package policy

import (
	"fmt"
	"slices"
)

// maxNameBytes bounds a method or a header name (rule 43).
const maxNameBytes = 128

// safelistedMethod reports whether method never needs listing (Fetch §
// CORS-safelisted method; rule 38).
func safelistedMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST"
}

// forbiddenMethod reports whether scripts cannot ask for method at all (Fetch §
// forbidden method; rule 39).
func forbiddenMethod(method string) bool {
	switch len(method) {
	case len("TRACE"):
		return equalFold(method, "TRACE") || equalFold(method, "TRACK")
	case len("CONNECT"):
		return equalFold(method, "CONNECT")
	}
	return false
}

// normalMethod upper-cases the six methods that browsers upper-case (Fetch §
// normalize; rule 37) and leaves all others alone.
func normalMethod(method string) string {
	for _, m := range [...]string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"} {
		if equalFold(method, m) {
			return m
		}
	}
	return method
}

// compileMethods reads the methods beyond those that need no listing (rules 37 to 41).
func (c *compiler) compileMethods() {
	if n := len(c.spec.Methods); n > maxMethods {
		c.problems.add("methods", "", fault{code: CodeLimit, detail: fmt.Sprintf("%d methods are more than 100", n)})
		return
	}
	listed := make([]string, 0, 16)
	for i, m := range c.spec.Methods {
		switch {
		case m == "*":
			c.p.anyMethod = true
		case len(m) > maxNameBytes || !isToken(m):
			c.problems.add(at("methods", i), m, fault{code: CodeMethodMalformed, detail: "a method is a token of at most 128 bytes"})
		case forbiddenMethod(m):
			c.problems.add(at("methods", i), m, fault{code: CodeMethodForbidden, detail: "scripts can never use this method", fix: "remove it"})
		default:
			if m = normalMethod(m); !slices.Contains(listed, m) {
				listed = append(listed, m)
			}
		}
	}
	c.p.methods = packNames(listed)
}

// checkMethod decides on the value of Access-Control-Request-Method. ok is false
// with the reason of the refusal.
func (p *Policy) checkMethod(method string) (why Reason, ok bool) {
	switch {
	case safelistedMethod(method):
		return 0, true
	case p.methods.has(method):
		return 0, true
	case len(method) > maxNameBytes || !isToken(method):
		return MethodMalformed, false
	case forbiddenMethod(method):
		return MethodForbidden, false
	case p.anyMethod:
		return 0, true
	}
	return MethodNotListed, false
}

package policy

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

// checkMethod decides on the value of Access-Control-Request-Method. ok is false
// with the reason of the refusal.
func (p *Policy) checkMethod(method string) (why Reason, ok bool) {
	switch {
	case safelistedMethod(method):
		return 0, true
	case p.methods[method]:
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

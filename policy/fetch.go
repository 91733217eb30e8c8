package policy

import "strings"

// The lists of methods and header names that the Fetch standard has.

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

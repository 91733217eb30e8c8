package migratetest

import "strings"

// Answer is a response, as far as browsers look at it for CORS.
type Answer struct {
	Status              int
	Origin, Credentials string // Access-Control-Allow-Origin and -Credentials
	Methods, Headers    string // Access-Control-Allow-Methods and -Headers
}

// Preflighted reports whether a browser asks before it makes a request.
func (a *Ask) Preflighted() bool { return !safelisted(a.Method) || len(a.Headers) > 0 }

func safelisted(method string) bool { return method == "GET" || method == "HEAD" || method == "POST" }

// Passes is the CORS check of Fetch.
func (a *Ask) Passes(r *Answer) bool {
	if r.Origin == "*" && !a.Credentials {
		return true
	}
	return r.Origin != "" && r.Origin == a.Origin && (!a.Credentials || r.Credentials == "true")
}

// Granted is the CORS-preflight fetch of Fetch: whether the answer to a preflight lets a browser make the request.
func (a *Ask) Granted(r *Answer) bool {
	if !a.Passes(r) || r.Status < 200 || r.Status > 299 {
		return false
	}
	methods, ok := elements(r.Methods)
	if !ok {
		return false
	}
	headers, ok := elements(r.Headers)
	if !ok {
		return false
	}
	if !safelisted(a.Method) && !has(methods, a.Method, false) && (a.Credentials || !has(methods, "*", false)) {
		return false
	}
	for _, name := range a.Headers {
		if has(headers, name, true) {
			continue
		}
		if a.Credentials || !has(headers, "*", false) || name == "authorization" {
			return false
		}
	}
	return true
}

// elements reads a list of tokens.
func elements(value string) ([]string, bool) {
	var out []string
	for part := range strings.SplitSeq(value, ",") {
		part = strings.Trim(part, " \t")
		if strings.ContainsAny(part, " \t/:;=?@()<>[]{}\\\"") {
			return nil, false
		}
		if part != "" {
			out = append(out, part)
		}
	}
	return out, true
}

func has(list []string, name string, fold bool) bool {
	for _, one := range list {
		if one == name || fold && strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}

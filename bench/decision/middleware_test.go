package decision

import (
	"net/http"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// middleware is our policy where rs/cors usually stands: it reads and writes the maps of net/http,
// and Vary is its business too.
type middleware struct {
	policy *policy.Policy
	next   http.Handler
}

func (m middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	question := policy.Request{
		Method: r.Method, Scheme: "https", Authority: r.Host,
		Origin:         value(r.Header["Origin"]),
		RequestMethod:  value(r.Header["Access-Control-Request-Method"]),
		RequestHeaders: value(r.Header["Access-Control-Request-Headers"]),
	}
	d := m.policy.Decide(&question)
	var room [8]policy.Header
	if d.Answered() {
		status, headers := d.AppendReply(room[:0])
		set(w.Header(), headers)
		w.WriteHeader(status)
		return
	}
	// As rs/cors does, Vary also where everybody is granted the same.
	set(w.Header(), append(d.AppendGrants(room[:0]), policy.Header{Name: "vary", Value: "Origin"}))
	m.next.ServeHTTP(w, r)
}

// value is the value of a field of several lines.
func value(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.Join(lines, ",")
}

// set has one piece of memory for all values.
func set(to http.Header, headers []policy.Header) {
	values := make([]string, len(headers))
	for i, h := range headers {
		values[i] = h.Value
		to[canonical(h.Name)] = values[i : i+1 : i+1]
	}
}

// canonical is [http.CanonicalHeaderKey], which makes a string each time for names that it does not know.
func canonical(name string) string {
	switch name {
	case "access-control-allow-origin":
		return "Access-Control-Allow-Origin"
	case "access-control-allow-credentials":
		return "Access-Control-Allow-Credentials"
	case "access-control-allow-methods":
		return "Access-Control-Allow-Methods"
	case "access-control-allow-headers":
		return "Access-Control-Allow-Headers"
	case "access-control-expose-headers":
		return "Access-Control-Expose-Headers"
	case "access-control-max-age":
		return "Access-Control-Max-Age"
	case "vary":
		return "Vary"
	}
	return http.CanonicalHeaderKey(name)
}

package policy

import "strings"

// Request is what a decision needs to know of one HTTP request, free of any
// proxy's types. Header fields hold the raw bytes of the field value; several
// lines of one header are joined by a comma, as Envoy does. The empty string
// means absent: an empty Origin is no Origin (rule 1), an empty
// Access-Control-Request-Method makes no preflight (rule 2).
type Request struct {
	// Method is the request method, byte for byte (rule 5).
	Method string
	// Scheme is "http" or "https" from a trusted source, or "" when unknown (rule 7).
	Scheme string
	// Authority is host[:port] as received (rule 7 compares the Origin with it).
	Authority string
	// Origin is the Origin header.
	Origin string
	// RequestMethod is Access-Control-Request-Method.
	RequestMethod string
	// RequestHeaders is Access-Control-Request-Headers.
	RequestHeaders string
	// PrivateNetwork is Access-Control-Request-Private-Network (rule 61).
	PrivateNetwork string
	// WebSocket is true for an upgrade to websocket and for an extended
	// CONNECT that carries :protocol (rule 9).
	WebSocket bool
	// Now is the wall clock in Unix seconds. It ends temporary origins and
	// debug windows; nothing else depends on it.
	Now int64
}

// Kind is what a request is to CORS (rules 1–10).
type Kind uint8

// The kinds of requests.
const (
	// NotCORS has no Origin (rules 1, 4).
	NotCORS Kind = iota
	// Preflight is OPTIONS with Origin and Access-Control-Request-Method (rule 2).
	Preflight
	// Actual is any other request with an Origin (rules 3, 6).
	Actual
	// SameOrigin is an actual request whose Origin is its own scheme and authority (rule 7).
	SameOrigin
	// WebSocket is an upgrade or an extended CONNECT (rule 9).
	WebSocket
	// Exempt is CONNECT or TRACE (rule 10).
	Exempt
	// Unseen is a response whose request we were never shown (rules 8, 69).
	Unseen
)

// String is the name of k in metrics, spans and metadata.
func (k Kind) String() string {
	switch k {
	case NotCORS:
		return "not_cors"
	case Preflight:
		return "preflight"
	case Actual:
		return "actual"
	case SameOrigin:
		return "same_origin"
	case WebSocket:
		return "websocket"
	case Exempt:
		return "exempt"
	case Unseen:
		return "unseen"
	}
	return "invalid"
}

// Classify says what r is to CORS (rules 1–10). A SameOrigin answer is certain
// only when the request's scheme is known; [Policy.Decide] asks the list otherwise.
func Classify(r *Request) Kind {
	var c class
	c.read(r)
	return c.kind
}

// class is what [Classify] finds, with what the decision goes on to use.
type class struct {
	kind   Kind
	origin string // trimmed
	method string // the requested method, trimmed
	// same: a websocket or an actual request comes from its own origin, beyond doubt.
	same bool
}

// read follows the order of the rules: a preflight is one whatever else is
// true of the request (rule 2), then upgrades, exempt methods, and the Origin.
func (c *class) read(r *Request) {
	c.origin, c.method = fieldValue(r.Origin), fieldValue(r.RequestMethod)
	if r.Method == "OPTIONS" && c.origin != "" && c.method != "" {
		c.kind = Preflight
		return
	}
	if !r.WebSocket && (r.Method == "CONNECT" || r.Method == "TRACE") {
		c.kind = Exempt
		return
	}
	like := sameAuthority(c.origin, r.Authority)
	c.same = like && webScheme(r.Scheme) && hasScheme(c.origin, r.Scheme)
	switch {
	case r.WebSocket:
		c.kind = WebSocket
	case c.origin == "":
		c.kind = NotCORS
	case c.same, like && r.Scheme == "":
		c.kind = SameOrigin
	default:
		c.kind = Actual
	}
}

// fieldValue trims s as a proxy should have. Values beyond every bound of this
// package stay as they are: they are refused by their length alone.
func fieldValue(s string) string {
	if s == "" || len(s) > maxOriginBytes || !isBlank(s[0]) && !isBlank(s[len(s)-1]) {
		return s
	}
	return trimBlanks(s)
}

func hasScheme(o, scheme string) bool {
	return strings.HasPrefix(o, scheme) && o[len(scheme)] == ':'
}

// sameAuthority reports whether the http or https origin o names authority, the
// default port elided and the authority's case folded (rule 7). The origin has to
// be a valid one: what browsers cannot send is not same-origin, but malformed.
func sameAuthority(o, authority string) bool {
	rest, ok := strings.CutPrefix(o, "https://")
	if ok {
		authority = strings.TrimSuffix(authority, ":443")
	} else {
		if rest, ok = strings.CutPrefix(o, "http://"); !ok {
			return false
		}
		authority = strings.TrimSuffix(authority, ":80")
	}
	if !equalFold(rest, authority) {
		return false
	}
	_, ok = parseOrigin(o)
	return ok
}

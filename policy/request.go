package policy

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

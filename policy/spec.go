package policy

import "time"

// Spec is what a policy says, as its author wrote it. [Compile] turns it into
// a [Policy]. The zero Spec allows no origin.
type Spec struct {
	// Origins are the entries of rules 30–35.
	Origins []string
	// TemporaryOrigins stop matching when they expire, without a write.
	TemporaryOrigins []TemporaryOrigin
	// Methods beyond GET, HEAD and POST, or "*" (rules 37–41).
	Methods []string
	// RequestHeaders that a script may send, or "*" (rule 44).
	RequestHeaders []string
	// ExposeHeaders that a script may read, or "*" (rule 66).
	ExposeHeaders []string
	// Credentials allows cookies and HTTP authentication (rules 45–50).
	Credentials bool
	// MaxAge is Access-Control-Max-Age in whole seconds, 0 to 86400; nil sends none (rule 57).
	MaxAge *time.Duration
	// UpstreamHeaders says what becomes of the application's own CORS headers (rule 72).
	UpstreamHeaders UpstreamMode
	// BlockDenied answers 403 before the application to unsafe methods of denied origins (rule 63).
	BlockDenied bool
	// Preflight shapes the answers to preflights (rules 52–58).
	Preflight PreflightSpec
	// EnforceWebSockets answers 403 to websocket handshakes of denied origins (rule 9).
	EnforceWebSockets bool
	// PrivateNetworkAccess answers Access-Control-Request-Private-Network (rule 61).
	PrivateNetworkAccess bool
	// TimingAllowOrigin sends Timing-Allow-Origin (rule 71).
	TimingAllowOrigin bool
	// Dangerously lifts single refusals of rules 46 and 47.
	Dangerously Dangers
}

// TemporaryOrigin is an entry that ends by itself.
type TemporaryOrigin struct {
	// Origin is an entry as in [Spec.Origins].
	Origin string
	// ExpiresAt is the first moment at which the entry no longer matches.
	ExpiresAt time.Time
	// Note is for people.
	Note string
}

// PreflightSpec shapes the answers to preflights.
type PreflightSpec struct {
	// SuccessStatus is 204 (also for 0) or 200 (rule 52).
	SuccessStatus int
	// DeniedStatus is 403 (also for 0), 204 or 200 (rule 55).
	DeniedStatus int
	// Minimal discloses only what was asked (rule 54).
	Minimal bool
	// ExposeHeaders also sends Access-Control-Expose-Headers (rule 58).
	ExposeHeaders bool
	// DebugUntil is the end of the debug window of rule 56; zero means none.
	DebugUntil time.Time
}

// UpstreamMode says what becomes of the application's own CORS headers (rule 72).
type UpstreamMode uint8

// The upstream modes.
const (
	// Override removes them and writes ours.
	Override UpstreamMode = iota
	// Fill keeps a single valid Access-Control-Allow-Origin that the policy would also allow.
	Fill
	// Passthru leaves them alone and only keeps Vary right.
	Passthru
)

// String is the name of m in metrics.
func (m UpstreamMode) String() string {
	switch m {
	case Override:
		return "override"
	case Fill:
		return "fill"
	case Passthru:
		return "passthrough"
	}
	return "invalid"
}

// Dangers are the refusals that an author may lift, one by one.
type Dangers struct {
	// AnyOriginWithCredentials lifts the refusal of "*" and "scheme://*" with credentials (rule 46).
	AnyOriginWithCredentials bool
	// InsecureOriginsWithCredentials lifts the refusal of plain http with credentials (rule 47).
	InsecureOriginsWithCredentials bool
	// PublicSuffixWildcards lifts the refusal of wildcards right below a public suffix (rule 46).
	PublicSuffixWildcards bool
}

// lifted lists the refusals that d lifts, as the tenant document names them in
// lower case.
func (d Dangers) lifted() []string {
	var names []string
	if d.AnyOriginWithCredentials {
		names = append(names, "any_origin_with_credentials")
	}
	if d.InsecureOriginsWithCredentials {
		names = append(names, "insecure_origins_with_credentials")
	}
	if d.PublicSuffixWildcards {
		names = append(names, "public_suffix_wildcards")
	}
	return names
}

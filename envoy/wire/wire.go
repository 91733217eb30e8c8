// Package wire holds the names that Envoy and corsgate say to each other: the
// dynamic metadata namespace and its keys, CEL attribute names, gRPC metadata
// keys and response code details. It imports nothing.
package wire

// Namespace is the dynamic metadata namespace; the ext_proc filter must list it in
// metadata_options.receiving_namespaces.untyped.
const Namespace = "cors"

// Metadata keys in [Namespace]. The first group holds values of response headers, which
// the header_mutation filter of design C copies onto every response; an absent
// key leaves its header out.
const (
	MetaAllowOrigin         = "acao"
	MetaAllowCredentials    = "acac"
	MetaExposeHeaders       = "aceh"
	MetaAllowMethods        = "acam"
	MetaAllowHeaders        = "acah"
	MetaMaxAge              = "acma"
	MetaAllowPrivateNetwork = "acapn"
	MetaTimingAllowOrigin   = "tao"

	// MetaDecision is the outcome, for access logs.
	MetaDecision = "decision"
	// MetaReason is the reason, for access logs.
	MetaReason = "reason"
	// MetaTenant is the tenant id, or absent.
	MetaTenant = "tenant"
	// MetaPhase is the kind of request.
	MetaPhase = "phase"
	// MetaTier is the tenant's tier, or absent.
	MetaTier = "tier"
	// MetaVersion is the revision of the tenant's document, or absent.
	MetaVersion = "version"
	// MetaSource says where the policy came from, unless it was live.
	MetaSource = "source"
	// MetaVariant is "stable" or "candidate" while a candidate takes a share, else absent.
	MetaVariant = "variant"
	// MetaShadow compares a candidate that only watched, or is absent.
	MetaShadow = "shadow"
	// MetaEntry is the index of the entry that matched, or absent.
	MetaEntry = "entry"
)

// Notes that responses stay out of caches: each is [NoStore] before corsgate is asked, and empty once it has
// answered. Envoy writes what is left of them into Cache-Control, so that a response which nobody decided on is not
// kept for others.
const (
	// MetaUndecided is taken back by a decision (design C).
	MetaUndecided = "undecided"
	// MetaUnedited is taken back when the response has been edited, or is to stay as it is (designs A and B).
	MetaUnedited = "unedited"
	// NoStore is the Cache-Control of such a response.
	NoStore = "no-store"
)

// HeaderMeta pairs each response header of design C with its metadata key, in the order
// in which header_mutation writes them.
func HeaderMeta() [8][2]string {
	return [8][2]string{
		{"access-control-allow-origin", MetaAllowOrigin},
		{"access-control-allow-credentials", MetaAllowCredentials},
		{"access-control-expose-headers", MetaExposeHeaders},
		{"access-control-allow-methods", MetaAllowMethods},
		{"access-control-allow-headers", MetaAllowHeaders},
		{"access-control-max-age", MetaMaxAge},
		{"access-control-allow-private-network", MetaAllowPrivateNetwork},
		{"timing-allow-origin", MetaTimingAllowOrigin},
	}
}

// KnownCORS reports whether a header, in lower case, is one of [HeaderMeta].
func KnownCORS(name []byte) bool {
	for _, pair := range HeaderMeta() {
		if string(name) == pair[0] {
			return true
		}
	}
	return false
}

// Paths that scripts in pages ask, where the operator serves them. Envoy answers the first two by
// itself: PathPing without a CORS header, PathCORSPing to every origin.
const (
	PathPing     = "/.well-known/corsgate/ping"
	PathCORSPing = "/.well-known/corsgate/cors-ping"
	// PathRUM takes the reports of pages.
	PathRUM = "/.well-known/corsgate/rum"
)

// gRPC metadata keys that an operator sets by initial_metadata or per route.
const (
	// GRPCTenant names the tenant; a client cannot set it.
	GRPCTenant = "x-tenant"
	// GRPCPhase is "preflight" or "actual", for operators reading traces.
	GRPCPhase = "x-cors-phase"
)

// AttributesKey is the key under which Envoy delivers request and response attributes.
const AttributesKey = "envoy.filters.http.ext_proc"

// CEL attribute names read when the request headers were never sent (design B, rule 69).
const (
	AttrOrigin         = "request.headers['origin']"
	AttrRequestMethod  = "request.headers['access-control-request-method']"
	AttrRequestHeaders = "request.headers['access-control-request-headers']"
	AttrHost           = "request.host"
	AttrPath           = "request.path"
	AttrMethod         = "request.method"
	AttrScheme         = "request.scheme"
	// AttrRequestID is the value of [HeaderRequestID].
	AttrRequestID = "request.id"
)

// DetailsPrefix starts the response code details of every reply of ours:
// "cors_preflight_allowed", "cors_preflight_denied_origin_not_listed", ...
const DetailsPrefix = "cors_"

package policy

// Code names a class of problems, for example "origin_path" or "credentials_any_origin".
type Code string

// What is wrong with one origin entry (rules 12–21 and 30–35).
const (
	// CodeOriginEmpty is an entry without a character in it.
	CodeOriginEmpty Code = "origin_empty"
	// CodeOriginTooLong is an entry beyond the 326 bytes of rule 13.
	CodeOriginTooLong Code = "origin_too_long"
	// CodeOriginNull is the entry "null", which stands for everybody's sandboxed frames (rule 20).
	CodeOriginNull Code = "origin_null"
	// CodeOriginBytes is an entry with white space or control bytes.
	CodeOriginBytes Code = "origin_bytes"
	// CodeOriginUnicode is an internationalised name not written in A-labels (rule 16).
	CodeOriginUnicode Code = "origin_unicode"
	// CodeOriginScheme is an entry without a scheme, or with one that browsers never send.
	CodeOriginScheme Code = "origin_scheme"
	// CodeOriginUserinfo is an entry with a user name or password.
	CodeOriginUserinfo Code = "origin_userinfo"
	// CodeOriginPath is an entry with a slash, path, query or fragment behind the host.
	CodeOriginPath Code = "origin_path"
	// CodeOriginCase is an entry with upper-case letters (rule 14).
	CodeOriginCase Code = "origin_case"
	// CodeOriginWildcard is a star where none may stand (rules 31, 32, 35).
	CodeOriginWildcard Code = "origin_wildcard"
	// CodeOriginPort is a port that is no number from 1 to 65535 without leading zeros.
	CodeOriginPort Code = "origin_port"
	// CodeOriginDefaultPort is a port that browsers leave out (rule 19).
	CodeOriginDefaultPort Code = "origin_default_port"
	// CodeOriginHost is a host that is neither a name nor an address in the form of rules 15–18.
	CodeOriginHost Code = "origin_host"
)

// What credentials forbid (rules 46 and 47).
const (
	// CodeCredentialsAnyOrigin is "*" or "scheme://*" with credentials.
	CodeCredentialsAnyOrigin Code = "credentials_any_origin"
	// CodeCredentialsInsecure is a plain http origin of another machine with credentials.
	CodeCredentialsInsecure Code = "credentials_insecure_origin"
	// CodeCredentialsPublicSuffix is a wildcard right below a public suffix with credentials.
	CodeCredentialsPublicSuffix Code = "credentials_public_suffix"
)

// What is wrong with other fields.
const (
	// CodeExpiryMissing is a temporary origin that does not say when it ends.
	CodeExpiryMissing Code = "expiry_missing"
	// CodeMethodMalformed is a method that is no token of at most 128 bytes.
	CodeMethodMalformed Code = "method_malformed"
	// CodeMethodForbidden is CONNECT, TRACE or TRACK (rule 39).
	CodeMethodForbidden Code = "method_forbidden"
	// CodeHeaderMalformed is a header name that is no token of at most 128 bytes.
	CodeHeaderMalformed Code = "header_malformed"
	// CodeExposeForbidden is a response header that scripts can never read (rule 66).
	CodeExposeForbidden Code = "expose_forbidden"
	// CodeExposeSafelisted is a response header that scripts can always read (rule 66).
	CodeExposeSafelisted Code = "expose_safelisted"
	// CodeMaxAge is a lifetime outside 0 to 86400 whole seconds (rule 57).
	CodeMaxAge Code = "max_age"
	// CodeStatus is a preflight status that is not offered (rules 52 and 55).
	CodeStatus Code = "status"
	// CodeUpstreamMode is an unknown [UpstreamMode].
	CodeUpstreamMode Code = "upstream_mode"
	// CodeLimit is a list with too many elements.
	CodeLimit Code = "limit"
	// CodeValueTooLong is a list that makes a header value too long to be sent.
	CodeValueTooLong Code = "value_too_long"
	// CodeUnsendable is a compiled value that cannot stand in a header. It is the last
	// guard: whatever would cause it has a problem of its own before.
	CodeUnsendable Code = "unsendable"
)

// What is legal and still deserves a look ([Advise]).
const (
	// CodeAnyOrigin is a policy for everybody.
	CodeAnyOrigin Code = "any_origin"
	// CodeInsecureOrigin is a plain http origin of another machine.
	CodeInsecureOrigin Code = "insecure_origin"
	// CodeWildcardOrigin is a wildcard: every host below it is trusted, taken-over ones too.
	CodeWildcardOrigin Code = "wildcard_origin"
	// CodePublicSuffix is a wildcard right below a public suffix.
	CodePublicSuffix Code = "public_suffix"
	// CodeDuplicate is an entry that stands in the list already.
	CodeDuplicate Code = "duplicate"
	// CodeSubsumed is an entry that a wider one makes needless.
	CodeSubsumed Code = "subsumed"
	// CodeMaxAgeCapped is a lifetime that no Chromium grants (rule 57).
	CodeMaxAgeCapped Code = "max_age_capped"
	// CodeDangerous is a lifted refusal.
	CodeDangerous Code = "dangerous"
	// CodePrivateNetwork is an answer to private network access (rule 61).
	CodePrivateNetwork Code = "private_network"
	// CodeUpstreamHeaders is a mode in which the application's own CORS headers live on (rule 72).
	CodeUpstreamHeaders Code = "upstream_headers"
	// CodeExposeAll is "expose all" with credentials (rule 66).
	CodeExposeAll Code = "expose_all"
	// CodeMethodCase is a method that differs from a usual one by case only (rule 37).
	CodeMethodCase Code = "method_case"
	// CodeHeaderForbidden is a request header that no script can set.
	CodeHeaderForbidden Code = "header_forbidden"
	// CodeDebugWindow is a debug window (rule 56).
	CodeDebugWindow Code = "debug_window"
)

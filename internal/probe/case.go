package probe

import (
	"context"
	"slices"
)

// Name is the stable name of a case: in reports, in flags and in the label cors_probe_case.
type Name string

// The cases, a closed list.
const (
	PreflightAllowed Name = "preflight_allowed"
	PreflightOrigin  Name = "preflight_origin_denied"
	PreflightMethod  Name = "preflight_method_denied"
	PreflightHeader  Name = "preflight_header_denied"
	ActualAllowed    Name = "actual_allowed"
	ActualDenied     Name = "actual_denied"
	NoOrigin         Name = "no_origin"
	ErrorAnswers     Name = "error_answers"
	NullOrigin       Name = "null_origin"
	LookalikeOrigins Name = "lookalike_origins"
	ExposedHeaders   Name = "exposed_headers"
	DuplicateLines   Name = "duplicate_lines"
	PublicPolicy     Name = "public_policy"
	NotModified      Name = "not_modified"
	MaxAge           Name = "max_age"
	Propagation      Name = "propagation"
)

// Path is the way on which an endpoint is asked, the label cors_probe_path.
type Path string

// The paths.
const (
	// Edge is the address that browsers use.
	Edge Path = "edge"
	// Direct is an address behind the edge.
	Direct Path = "direct"
)

// Case is one question, or several of a kind.
type Case struct {
	Name Name
	// Proves says what a pass shows.
	Proves string
	// Rules are those of docs/rules.md.
	Rules string
	// Failures are the failure modes that it finds, F1 to F7.
	Failures string

	ask func(context.Context, *check)
}

// Cases are all cases in the order in which they are asked.
func Cases() []Case {
	return []Case{
		{PreflightAllowed, "a preflight of an allowed origin is granted method and headers", "44, 48, 49, 52, 54, 60", "F1, F2, F4, F5", askPreflightAllowed},
		{PreflightOrigin, "a preflight of a denied origin gets no CORS header", "53, 55", "F7", askPreflightOrigin},
		{PreflightMethod, "a method that is not listed is refused", "38, 39, 53, 55", "F7", askPreflightMethod},
		{PreflightHeader, "a request header that is not listed is refused", "44, 53, 55", "F7", askPreflightHeader},
		{ActualAllowed, "an allowed origin may read: its own bytes, never a star, with credentials if granted", "48, 49, 62, 64", "F1, F3, F4", askActualAllowed},
		{ActualDenied, "a denied origin gets no CORS header, and caches are told", "63, 64", "F3, F7", askActualDenied},
		{NoOrigin, "an answer without Origin may be cached: it varies on Origin and grants nothing", "64", "F4, F7", askNoOrigin},
		{ErrorAnswers, "errors are readable too: an unknown path, and each path that is named", "64, 68, 69", "F1", askErrorAnswers},
		{NullOrigin, "sandboxed frames and local files get nothing", "20", "F7", askNullOrigin},
		{LookalikeOrigins, "what only resembles an allowed origin gets nothing", "30 to 34", "F7", askLookalikes},
		{ExposedHeaders, "the response headers that scripts read are listed and there", "62, 66", "F5", askExposed},
		{DuplicateLines, "no CORS header comes twice, and Vary names nothing twice", "48, 65", "F1, F4", askDuplicates},
		{PublicPolicy, "everybody gets the star, and no credentials", "45, 49", "F1, F3", askPublic},
		{NotModified, "a 304 has the CORS headers of the 200", "67", "F1, F4", askNotModified},
		{MaxAge, "browsers keep the preflight for as long as is meant", "57", "F6", askMaxAge},
		{Propagation, "a change of the registry reaches the edge, and so does its end", "59, 73", "F6", nil},
	}
}

// Names are the names of all cases.
func Names() []string {
	var names []string
	for _, c := range Cases() {
		names = append(names, string(c.Name))
	}
	return names
}

// known reports whether name is one of the closed list.
func known(name string) bool { return slices.Contains(Names(), name) }

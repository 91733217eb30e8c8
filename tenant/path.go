package tenant

import "strings"

// coversPath reports whether prefix covers path, byte by byte and only at
// segment borders (rule 27). The query is no part of path, and nothing is
// decoded: what Envoy routes on is what counts.
func coversPath(prefix, path string) bool {
	if prefix == "/" {
		return strings.HasPrefix(path, "/")
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// cutQuery returns path without its query.
func cutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// pathFault says what keeps prefix from being canonical, and what to write
// instead ("" when nobody can tell); detail is "" for a canonical prefix. A
// prefix that no normalised path starts with would be a rule that silently
// never applies.
func pathFault(prefix string) (detail, fix string) {
	if prefix == "" {
		return "the path is missing", ""
	}
	for i := range len(prefix) {
		if c := prefix[i]; c <= ' ' || c > '~' {
			return "a path holds visible ascii only; other characters are percent-encoded", ""
		}
	}
	if prefix[0] != '/' {
		return "a path starts with a slash", "write /" + prefix
	}
	if cut := strings.IndexAny(prefix, "?#"); cut >= 0 {
		return "queries and fragments take no part in matching", "write " + prefix[:cut]
	}
	if prefix == "/" {
		return "", ""
	}
	for segment := range strings.SplitSeq(prefix[1:], "/") {
		switch segment {
		case ".", "..":
			return "a . or .. segment never reaches matching on a normalised path", ""
		case "":
			return "a prefix has no empty segment and no trailing slash", "write " + collapseSlashes(prefix)
		}
	}
	return "", ""
}

func collapseSlashes(prefix string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(prefix, "/") {
		if segment != "" {
			b.WriteString("/" + segment)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

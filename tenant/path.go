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
		return "is missing", ""
	}
	for i := range len(prefix) {
		if c := prefix[i]; c <= ' ' || c > '~' {
			return "holds a byte that no request path has; other characters are written in percent-encoding", ""
		}
	}
	if prefix[0] != '/' {
		return "does not start with a slash", "write /" + prefix
	}
	if cut := strings.IndexAny(prefix, "?#"); cut >= 0 {
		return "holds a query or a fragment, which never take part in matching", "write " + prefix[:cut]
	}
	if prefix == "/" {
		return "", ""
	}
	for segment := range strings.SplitSeq(prefix[1:], "/") {
		switch segment {
		case ".", "..":
			return "holds a . or .. segment", ""
		case "":
			return "holds an empty segment or a trailing slash", "write " + collapseSlashes(prefix)
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

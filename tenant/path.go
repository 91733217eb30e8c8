package tenant

import "strings"

// coversPath reports whether prefix covers path, byte by byte and only at
// segment borders (rule 27). The query is no part of path, and nothing is
// decoded: what applications may make of the path is [reading]'s matter.
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

// PathPrefixFault says what keeps a path_prefix from being canonical, and what to write
// instead ("" when nobody can tell); detail is "" for a canonical prefix. A
// prefix that no normalised path starts with would be a rule that silently
// never applies, and one that can be read in two ways would refuse all it covers (rule 27a).
func PathPrefixFault(prefix string) (detail, fix string) {
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
	if detail, fix = spellingFault(prefix); detail != "" || prefix == "/" {
		return detail, fix
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

// spellingFault says what in a prefix has two spellings, or two meanings.
func spellingFault(prefix string) (detail, fix string) {
	if strings.ContainsAny(prefix, `;\`) {
		return "a prefix has no parameters and no backslash: applications differ in what they make of them", ""
	}
	canonical := []byte(nil)
	for i := 0; i < len(prefix); i++ {
		if prefix[i] != '%' {
			canonical = append(canonical, prefix[i])
			continue
		}
		c := decodePath(nil, prefix[i:min(i+3, len(prefix))])
		switch {
		case len(c) != 1:
			return "a percent sign is followed by two hexadecimal digits", ""
		case strings.IndexByte(`\%;?#`, c[0]) >= 0 || c[0] < ' ' || c[0] == 0x7F:
			return "a prefix has no encoded slash, percent sign, separator or control character: applications differ in what they make of them", ""
		case literal(c[0]):
			canonical = append(canonical, c[0])
		default:
			canonical = append(canonical, strings.ToUpper(prefix[i:i+3])...)
		}
		i += 2
	}
	if string(canonical) == prefix {
		return "", ""
	}
	if detail, _ := PathPrefixFault(string(canonical)); detail == "" {
		fix = "write " + string(canonical)
	}
	return "characters that a path can hold are not encoded, and hexadecimal digits are in upper case", fix
}

// literal reports whether c stands for itself in a path (RFC 3986, pchar).
func literal(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,=:@", c) >= 0
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

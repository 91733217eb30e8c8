package policy

import (
	"slices"
	"strings"
)

// maxExposed bounds how many names "expose all" lists. No real response has as many.
const maxExposed = 200

// exposeNames lists the names of a response for "expose all" with credentials, where
// "*" would be taken for a name (rule 66): each once, without those that are
// always readable, never readable, or about CORS itself.
func exposeNames(names []string) string {
	var out strings.Builder
	written := 0
	for i, name := range names[:min(len(names), maxExposed)] {
		if !isToken(name) || len(name) > maxNameBytes || slices.Contains(names[:i], name) {
			continue
		}
		folded := lowerASCII(name)
		if forbiddenResponseName(folded) || safelistedResponseName(folded) || strings.HasPrefix(folded, "access-control-") {
			continue
		}
		if out.Len()+len(listSeparator)+len(name) > maxValueWidth {
			break
		}
		if written > 0 {
			out.WriteString(listSeparator)
		}
		out.WriteString(folded)
		written++
	}
	return out.String()
}

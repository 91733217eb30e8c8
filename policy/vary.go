package policy

import "strings"

// The names that Vary carries for us (rules 60 and 64).
const (
	varyOrigin           = "Origin"
	varyPreflight        = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	varyPreflightPrivate = varyPreflight + ", Access-Control-Request-Private-Network"
)

// mergeVary returns what Vary has to be so that it names Origin beside what the
// application said, in one line and in the application's order (rule 65, RFC 9110
// §12.5.5). changed is false when the application's own value already does,
// which "*" does too.
//
// Elements that are no field name are left out when the line is rewritten: they mean
// nothing to a cache and may hold any byte.
func mergeVary(upstream string) (value string, changed bool) {
	if upstream == "" {
		return varyOrigin, true
	}
	for l := newList(upstream); l.more; {
		if e, _ := l.next(); e == "*" || equalFold(e, varyOrigin) {
			return upstream, false
		}
	}
	var out strings.Builder
	out.Grow(len(upstream) + len(listSeparator) + len(varyOrigin))
	for l := newList(upstream); l.more; {
		if e, _ := l.next(); isToken(e) {
			out.WriteString(e)
			out.WriteString(listSeparator)
		}
	}
	out.WriteString(varyOrigin)
	return out.String(), true
}

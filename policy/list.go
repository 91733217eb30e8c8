package policy

import (
	"slices"
	"strings"
)

// listSeparator joins the elements of lists that we write.
const listSeparator = ", "

// sameList reports whether two list values hold the same elements in the same
// order, compared without case.
func sameList(a, b string) bool {
	x, y := newList(a), newList(b)
	for {
		e, more := x.nextName()
		f, other := y.nextName()
		if more != other || !equalFold(e, f) {
			return false
		}
		if !more {
			return true
		}
	}
}

// nextName is next without the empty elements.
func (l *list) nextName() (string, bool) {
	for {
		e, ok := l.next()
		if e != "" || !ok {
			return e, ok
		}
	}
}

// list walks the elements of a header field that is a list (RFC 9110 §5.6.1):
// optional white space around elements, empty elements, lines joined by commas.
type list struct {
	rest string
	more bool
}

func newList(value string) list { return list{rest: value, more: value != ""} }

// next returns the next element, trimmed and perhaps empty.
func (l *list) next() (element string, ok bool) {
	if !l.more {
		return "", false
	}
	element, l.rest, l.more = strings.Cut(l.rest, ",")
	return trimBlanks(element), true
}

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

package policy

import (
	"slices"
	"strings"
)

// maxNameBytes bounds a method or a header name (rule 43).
const maxNameBytes = 128

// The bounds of Access-Control-Request-Headers (rule 43).
const (
	maxListBytes   = 4096
	maxListNames   = 64
	maxListEmpties = 16
)

const authorization = "authorization"

// checkMethod decides on the value of Access-Control-Request-Method. ok is false
// with the reason of the refusal.
func (p *Policy) checkMethod(method string) (why Reason, ok bool) {
	switch {
	case safelistedMethod(method):
		return 0, true
	case p.methods.has(method):
		return 0, true
	case len(method) > maxNameBytes || !isToken(method):
		return MethodMalformed, false
	case forbiddenMethod(method):
		return MethodForbidden, false
	case p.anyMethod:
		return 0, true
	}
	return MethodNotListed, false
}

// checkHeaders decides on the value of Access-Control-Request-Headers. ok is false
// with the reason of the refusal and the element that caused it, if one did.
//
// The bounds of the whole value come first; they cost no look at its bytes beyond
// counting commas. Then the names are read in order, and the first one at
// fault decides, so that a long list of strange names costs no more than a short
// one (rules 42–44).
func (p *Policy) checkHeaders(value string) (why Reason, element string, ok bool) {
	if value == "" {
		return 0, "", true
	}
	if len(value) > maxListBytes || tooManyNames(value) {
		return HeadersOversize, "", false
	}
	listed := p.headers.open()
	names, empties := 0, 0
	for pos := 0; pos <= len(value); {
		start, end := elementAt(value, pos)
		pos = skipBlanks(value, end)
		if end-start > maxNameBytes || pos < len(value) && value[pos] != ',' {
			return badElement(value[start:])
		}
		pos++
		if start == end {
			if empties++; empties > maxListEmpties {
				return HeadersOversize, "", false
			}
			continue
		}
		if names++; names > maxListNames {
			return HeadersOversize, "", false
		}
		if name := value[start:end]; !p.allowsName(&listed, name) {
			return HeadersNotListed, name, false
		}
	}
	return 0, "", true
}

// elementAt returns where the token that the element at pos consists of starts and
// ends. It looks at no more than one byte beyond the bound of a name.
func elementAt(value string, pos int) (start, end int) {
	start = skipBlanks(value, pos)
	end = start
	for end < len(value) && end-start <= maxNameBytes && isTokenByte(value[end]) {
		end++
	}
	return start, end
}

func skipBlanks(value string, pos int) int {
	for pos < len(value) && isBlank(value[pos]) {
		pos++
	}
	return pos
}

// badElement says what is wrong with the element that rest starts with.
func badElement(rest string) (why Reason, element string, ok bool) {
	element, _, _ = strings.Cut(rest, ",")
	if len(element) > maxNameBytes && isToken(element[:maxNameBytes]) {
		return HeadersOversize, element, false
	}
	return HeadersMalformed, element, false
}

// tooManyNames reports whether value holds more than 64 names. Only values with
// more elements than that are looked at closely, and only while that is bounded.
func tooManyNames(value string) bool {
	elements := strings.Count(value, ",") + 1
	if elements <= maxListNames || elements > maxListNames+maxListEmpties {
		return elements > maxListNames
	}
	names := 0
	for l := newList(value); l.more; {
		if e, _ := l.next(); e != "" {
			names++
		}
	}
	return names > maxListNames
}

// allowsName decides on one requested name (rule 44).
func (p *Policy) allowsName(listed *names, name string) bool {
	if listed.hasFolded(name) {
		return true
	}
	// Fetch § CORS non-wildcard request-header name: "*" is no grant of authorization.
	return p.anyHeader && (p.credentials || !equalFold(name, authorization))
}

// echoNames writes the names of a checked list in lower case, each once (rule 44a).
func echoNames(value string) string {
	var out strings.Builder
	out.Grow(len(value) + 16)
	var names [maxListNames]string
	seen := names[:0]
	for l := newList(value); l.more; {
		name, _ := l.next()
		if name = lowerASCII(name); name == "" || slices.Contains(seen, name) {
			continue
		}
		if len(seen) > 0 {
			out.WriteString(listSeparator)
		}
		out.WriteString(name)
		seen = append(seen, name)
	}
	return out.String()
}

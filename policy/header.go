package policy

import (
	"slices"
	"strings"
)

// The bounds of Access-Control-Request-Headers (rule 43).
const (
	maxListBytes   = 4096
	maxListNames   = 64
	maxListEmpties = 16
)

const authorization = "authorization"

// nameSet is a set of header names, lower-case.
type nameSet struct {
	index  map[string]int // name → position in sorted
	sorted []string
}

func newNameSet(names []string) nameSet {
	s := nameSet{index: make(map[string]int, len(names))}
	for _, n := range names {
		s.sorted = append(s.sorted, lowerASCII(n))
	}
	slices.Sort(s.sorted)
	s.sorted = slices.Compact(s.sorted)
	for i, n := range s.sorted {
		s.index[n] = i
	}
	return s
}

// find returns the position of name, whatever its case, without allocating.
func (s *nameSet) find(name string) (i int, ok bool) {
	if len(name) > maxNameBytes {
		return 0, false
	}
	if i, ok = s.index[name]; ok {
		return i, true
	}
	var folded [maxNameBytes]byte
	changed := false
	for j := range len(name) {
		folded[j] = lower(name[j])
		changed = changed || folded[j] != name[j]
	}
	if changed {
		i, ok = s.index[string(folded[:len(name)])]
	}
	return i, ok
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
	names, empties, expect := 0, 0, 0
	for pos := 0; pos <= len(value); {
		if n := p.expected(value[pos:], expect); n > 0 {
			pos, expect, names = pos+n+1, expect+1, names+1
			continue
		}
		name, width := cutElement(value[pos:])
		pos += width + 1
		if name == "" {
			if empties++; empties > maxListEmpties {
				return HeadersOversize, "", false
			}
			continue
		}
		if names++; names > maxListNames {
			return HeadersOversize, "", false
		}
		i, why := p.checkName(name)
		if i < 0 {
			return why, name, false
		}
		expect = i + 1
	}
	return 0, "", true
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

// expected returns the length of the name number i of the policy if rest starts
// with that element, else 0. Browsers send names sorted (Fetch § CORS-preflight
// fetch), so walking both lists side by side spares most look-ups.
func (p *Policy) expected(rest string, i int) int {
	if i >= len(p.headers.sorted) {
		return 0
	}
	name := p.headers.sorted[i]
	if len(rest) < len(name) || rest[:len(name)] != name {
		return 0
	}
	if len(rest) > len(name) && rest[len(name)] != ',' {
		return 0
	}
	return len(name)
}

// cutElement returns the first element of rest, trimmed, and how many bytes it takes
// up to the comma.
func cutElement(rest string) (element string, width int) {
	width = strings.IndexByte(rest, ',')
	if width < 0 {
		width = len(rest)
	}
	return trimBlanks(rest[:width]), width
}

// checkName decides on one requested name: its position in the policy's list
// (0 if it is covered by "*" alone), or -1 with the reason.
func (p *Policy) checkName(name string) (int, Reason) {
	if i, ok := p.headers.find(name); ok {
		return i, 0
	}
	switch {
	case len(name) > maxNameBytes:
		return -1, HeadersOversize
	case !isToken(name):
		return -1, HeadersMalformed
	case !p.anyHeader:
		return -1, HeadersNotListed
	case !p.spec.Credentials && equalFold(name, authorization):
		return -1, HeadersNotListed // Fetch § CORS non-wildcard request-header name
	}
	return 0, 0
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

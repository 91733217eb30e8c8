package probe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// list counts the elements of a list header, all its lines together, in lower case.
type list map[string]int

// elements reads lines by RFC 9110 §5.6.1: commas, blanks around, empty elements ignored.
func elements(lines []string) list {
	l := list{}
	for _, line := range lines {
		for e := range strings.SplitSeq(line, ",") {
			if e = strings.Trim(e, " \t"); e != "" {
				l[strings.ToLower(e)]++
			}
		}
	}
	return l
}

func (l list) has(name string) bool { return l[strings.ToLower(name)] > 0 }

// equal reports whether both name the same, in whatever order and however often.
func (l list) equal(other list) bool {
	return slices.Equal(slices.Sorted(maps.Keys(l)), slices.Sorted(maps.Keys(other)))
}

// covers reports whether browsers take name as listed without its being named (Fetch, CORS-preflight fetch).
func (l list) covers(name string, credentials bool) bool {
	switch strings.ToUpper(name) {
	case "GET", "HEAD", "POST":
		return true
	}
	return l.has("*") && !credentials && !strings.EqualFold(name, "authorization")
}

// corsNames are the names of all CORS headers of an answer, sorted.
func corsNames(h http.Header) []string {
	var names []string
	for name := range h {
		if strings.HasPrefix(name, prefixCORS) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// shown is a header as it came, for a finding.
func shown(a *answer, name string) string {
	lines := a.lines(name)
	if len(lines) == 0 {
		return fmt.Sprintf("no %s, status %d", strings.ToLower(name), a.status)
	}
	return strings.ToLower(name) + ": " + strings.Join(lines, " | ")
}

func orNone(name, value string) string {
	if value == "" {
		return "no " + name
	}
	return name + ": " + value
}

// compared are the names in which two answers are held against each other.
func compared(a, b *answer) []string {
	names := append(corsNames(a.header), corsNames(b.header)...)
	names = append(names, hTiming, hVary)
	slices.Sort(names)
	return slices.Compact(names)
}

// differences says in which headers an answer of the edge is another than the direct one to the same question.
func differences(direct, edge []exchange) []Difference {
	var found []Difference
	for i := range min(len(direct), len(edge)) {
		d, e := direct[i].answer, edge[i].answer
		request := printable(edge[i].request.String())
		if d.status != e.status {
			found = append(found, Difference{Request: request, Header: "status", Direct: strconv.Itoa(d.status), Edge: strconv.Itoa(e.status)})
		}
		for _, name := range compared(d, e) {
			if !alike(name, d.lines(name), e.lines(name)) {
				found = append(found, Difference{
					Request: request, Header: strings.ToLower(name),
					Direct: printable(strings.Join(d.lines(name), " | ")), Edge: printable(strings.Join(e.lines(name), " | ")),
				})
			}
		}
	}
	return found
}

// alike reports whether two sets of lines say the same: those of Vary may be folded, in any order.
func alike(name string, a, b []string) bool {
	if name == hVary {
		return elements(a).equal(elements(b))
	}
	return slices.Equal(a, b)
}

// maxShown is the most that a report shows of one value.
const maxShown = 300

// printable keeps what a server sends from steering a terminal.
func printable(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown] + "..."
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
}

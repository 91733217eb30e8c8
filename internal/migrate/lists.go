package migrate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

const (
	star          = "*"
	authorization = "authorization"
)

// names reads a list as browsers read it. ok is false when they cannot, and then take it for empty.
func (l *list) names() (names []string, ok bool) {
	for part := range strings.SplitSeq(l.text, ",") {
		name := strings.Trim(part, " \t")
		if name == "" {
			continue
		}
		if !isToken(name) {
			return nil, false
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, true
}

// isToken is RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// readable reads a list, and reports one that browsers cannot read.
func (n *notes) readable(l *list, consequence string) []string {
	names, ok := l.names()
	if !ok {
		n.ignored(CodeList, l.at, l.text, "browsers cannot read the list "+consequence, "separate the names by commas, if that was meant")
	}
	return names
}

// translateMethods gives the methods of a document.
func translateMethods(n *notes, l *list, credentials bool) []string {
	if l.echo {
		return []string{star}
	}
	var out []string
	for _, name := range n.readable(l, "and refuse every preflight; no method is taken over") {
		switch problem := methodProblem(name); {
		case name == star && credentials:
			n.narrower(CodeWildcard, l.at, l.text, "beside other methods the star counts only without credentials; the other methods are taken over", "")
		case name == star:
			return []string{star}
		case problem != "":
			n.ignored(CodeMethod, l.at, name, problem, "")
		default:
			out = append(out, name)
		}
	}
	return out
}

// methodProblem says why a listed method has no effect in browsers, or corsgate cannot have it.
func methodProblem(name string) string {
	upper := strings.ToUpper(name)
	if name != upper && slices.Contains([]string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}, upper) {
		return "browsers ask in upper case, so that this spelling never counts"
	}
	if _, err := policy.Compile(policy.Spec{Methods: []string{name}}); err != nil {
		return "scripts can never use this method"
	}
	return ""
}

// translateHeaders gives the request headers of a document.
func translateHeaders(n *notes, l *list, credentials bool) []string {
	if l.echo {
		if credentials {
			return []string{star}
		}
		return []string{star, authorization} // the echo covers it, the star does not
	}
	var out []string
	for _, name := range n.readable(l, "and refuse every preflight; no header is taken over") {
		if name == star && credentials {
			n.narrower(CodeWildcard, l.at, l.text, "beside other names the star counts only without credentials; the other names are taken over", "")
			continue
		}
		if name = strings.ToLower(name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// translateExpose gives the exposed headers of a document.
func translateExpose(n *notes, l *list, credentials bool) []string {
	var out []string
	for _, name := range n.readable(l, "and expose nothing; nothing is taken over") {
		if name == star && credentials {
			n.narrower(CodeWildcard, l.at, l.text, "the star counts only without credentials; corsgate would expose all headers", "list the names")
			continue
		}
		if _, err := policy.Compile(policy.Spec{ExposeHeaders: []string{name}}); err != nil {
			n.ignored(CodeExpose, l.at, name, "scripts can always, or never, read this header", "")
			continue
		}
		if name = strings.ToLower(name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// maxAgeLimit is the longest lifetime of a document, in seconds.
const maxAgeLimit = 86400

// translateMaxAge gives the lifetime in seconds; ok is false for none.
func translateMaxAge(n *notes, at place, text string) (seconds int64, ok bool) {
	if text == "" {
		return 0, false
	}
	age, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch {
	case err != nil:
		n.ignored(CodeMaxAge, at, text, "browsers cannot read the lifetime and take 5 seconds", "")
		return 0, false
	case age < 0:
		n.changed(CodeMaxAge, at, text, "a negative lifetime is written as 0s", "")
		return 0, true
	case age > maxAgeLimit:
		n.changed(CodeMaxAge, at, text, "written as 86400s, the most that any browser grants", "")
		return maxAgeLimit, true
	}
	return age, true
}

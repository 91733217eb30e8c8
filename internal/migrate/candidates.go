package migrate

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// hole stands for any text in a template.
const hole = "\x00"

const (
	// maxTemplates bounds the alternatives of one expression, maxClass the characters that are tried one by one.
	maxTemplates = 64
	maxClass     = 10
	// maxHoles bounds the wildcards of one template, maxCandidates what is tried for one matcher.
	maxHoles      = 3
	maxCandidates = 512
)

// candidates are entries that may express a matcher, or a part of it. They prove nothing.
func candidates(m *matcher) []string {
	text, ok := m.pattern()
	if !ok {
		return nil
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	out := []string{anyOrigin}
	for _, template := range templates(re.Simplify()) {
		for _, entry := range fill(strings.ToLower(template)) {
			if len(out) < maxCandidates && !slices.Contains(out, entry) {
				out = append(out, entry)
			}
		}
	}
	return out
}

// templates are texts with holes that an expression is roughly made of.
func templates(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return []string{""}
	case syntax.OpCharClass:
		return classTemplates(re.Rune)
	case syntax.OpCapture:
		return templates(re.Sub[0])
	case syntax.OpQuest:
		return limited(append([]string{""}, templates(re.Sub[0])...))
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			out = limited(append(out, templates(sub)...))
		}
		return out
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range re.Sub {
			out = product(out, templates(sub))
		}
		return out
	default:
		return []string{hole}
	}
}

func classTemplates(ranges []rune) []string {
	var out []string
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if len(out) == maxClass {
				return []string{hole}
			}
			out = append(out, string(r))
		}
	}
	return out
}

func limited(list []string) []string { return list[:min(len(list), maxTemplates)] }

func product(heads, tails []string) []string {
	var out []string
	for _, head := range heads {
		for _, tail := range tails {
			if len(out) < maxTemplates {
				out = append(out, strings.ReplaceAll(head+tail, hole+hole, hole))
			}
		}
	}
	return out
}

// fill puts what an entry may have where a template has holes.
func fill(template string) []string {
	parts := strings.Split(template, hole)
	if len(parts)-1 > maxHoles {
		return nil
	}
	out := []string{parts[0]}
	for i, part := range parts[1:] {
		var next []string
		for _, head := range out {
			for _, with := range fillings(head, part, i == len(parts)-2 && part == "") {
				next = append(next, head+with+part)
			}
		}
		out = next
	}
	return out
}

// fillings are the texts for a hole behind head.
func fillings(head, tail string, last bool) []string {
	var out []string
	switch {
	case head == "" && strings.Contains(tail, "://"):
		return []string{""}
	case head == "" && strings.HasPrefix(tail, "."):
		out = []string{"https://*", "http://*"}
	case head == "":
		out = []string{"https://", "https://*.", "http://", "http://*.", "https://*", "http://*"}
	case strings.HasSuffix(head, "://"):
		out = []string{"*", "*.", ""}
	case strings.HasSuffix(head, "http"):
		out = []string{"", "s"}
	default:
		out = []string{"", "*"}
	}
	if !last {
		return out
	}
	switch {
	case strings.HasSuffix(head, "://"):
		return []string{"*", "*:*"}
	case head == "":
		return []string{"https://*:*", "http://*:*", "https://*", "http://*"}
	case strings.HasSuffix(head, "http"):
		return []string{"://*:*", "s://*:*"}
	}
	return append(out, ":*")
}

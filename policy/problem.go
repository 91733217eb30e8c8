package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxValueBytes bounds Problem.Value, so that a report stays readable.
const maxValueBytes = 128

// Problem is one thing wrong, or unwise, in what somebody wrote.
type Problem struct {
	// Path is the field, relative to the policy: "origins[3]", "max_age".
	Path string
	// Value is the offending value as written, cut to 128 bytes.
	Value string
	// Code is stable and meant for programs.
	Code Code
	// Detail says what is wrong, in one lower-case sentence without a period.
	Detail string
	// Fix is what to write instead, or "".
	Fix string
}

// Error is the problem in one line; the value is quoted, for it may hold anything.
func (p Problem) Error() string {
	var out strings.Builder
	out.WriteString(p.Path)
	if p.Value != "" {
		fmt.Fprintf(&out, ": %q", p.Value)
	}
	fmt.Fprintf(&out, ": %s", p.Detail)
	if p.Fix != "" {
		fmt.Fprintf(&out, "; %s", p.Fix)
	}
	return out.String()
}

// Problems is every problem of one document, in document order. It is an error.
type Problems []Problem

// Error is all problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem as an error of its own, for [errors.As].
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// fault is what is wrong with a value, wherever it stands.
type fault struct {
	code   Code
	detail string
	fix    string
}

// add appends f as the problem of value at path.
func (p *Problems) add(path, value string, f fault) {
	*p = append(*p, Problem{Path: path, Value: cutValue(value), Code: f.code, Detail: f.detail, Fix: f.fix})
}

// cutValue shortens s to 128 bytes, not inside a character.
func cutValue(s string) string {
	if len(s) <= maxValueBytes {
		return s
	}
	end := maxValueBytes
	for end > maxValueBytes-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

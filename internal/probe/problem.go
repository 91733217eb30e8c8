package probe

import (
	"fmt"
	"strings"
)

// Problem is one mistake in a target.
type Problem struct {
	// Field is its place: "url", or "targets[2].expect.methods" in a suite.
	Field string
	// Detail says what is wrong, in one lower-case sentence without a period.
	Detail string
	// Fix is what to do instead, or "".
	Fix string
}

// Error is the problem in one line.
func (p Problem) Error() string {
	text := p.Detail
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	if p.Fix != "" {
		text += "; " + p.Fix
	}
	return text
}

// Problems is every mistake that was found. It is an error.
type Problems []Problem

// Error lists the problems, one on a line.
func (ps Problems) Error() string {
	var b strings.Builder
	if len(ps) == 1 {
		b.WriteString("1 problem")
	} else {
		fmt.Fprintf(&b, "%d problems", len(ps))
	}
	for _, p := range ps {
		b.WriteString("\n  " + p.Error())
	}
	return b.String()
}

// Err is ps as an error, and nil when there is no problem.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps *Problems) add(field, fix, format string, args ...any) {
	*ps = append(*ps, Problem{Field: field, Detail: fmt.Sprintf(format, args...), Fix: fix})
}

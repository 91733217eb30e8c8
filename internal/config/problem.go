package config

import (
	"fmt"
	"strings"

	"github.com/corsgate/corsgate/internal/spelling"
)

// Problem is one mistake in the configuration.
type Problem struct {
	// Source names where the value stands: "--ttl", "CORSGATE_TTL" or
	// "corsgate.yaml:3: ttl".
	Source string
	// Detail says what is wrong, in one lower-case sentence without a period.
	Detail string
	// Fix is what to do instead, or "".
	Fix string
}

// String is the problem on one line.
func (p Problem) String() string {
	if p.Fix == "" {
		return p.Source + ": " + p.Detail
	}
	return p.Source + ": " + p.Detail + "; " + p.Fix
}

// Problems is every mistake that was found. It is an error.
type Problems []Problem

// Error lists the problems, one on a line.
func (ps Problems) Error() string {
	var b strings.Builder
	if len(ps) == 1 {
		b.WriteString("1 configuration problem")
	} else {
		fmt.Fprintf(&b, "%d configuration problems", len(ps))
	}
	for _, p := range ps {
		b.WriteString("\n  ")
		b.WriteString(p.String())
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

// nearest is the candidate that name most likely stands for, or "" when none is near.
func nearest(name string, candidates []string) string {
	best, least := "", 1+max(2, len(name)/4)
	for _, c := range candidates {
		if d := spelling.Distance(name, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// didYouMean is the fix for an unknown name.
func didYouMean(name, prefix string, candidates []string) string {
	if near := nearest(name, candidates); near != "" {
		return "did you mean " + prefix + near + "?"
	}
	return ""
}

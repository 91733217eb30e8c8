// Package wording has the two rules that every report for people keeps: what others wrote cannot steer the
// reader's terminal, and one is no plural.
package wording

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable is text with a replacement character for each one that is not to be printed, line breaks included.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}

// Count is "1 error" or "2 errors".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package change

import (
	"fmt"
	"strconv"
	"strings"
)

// around is how many equal lines surround a difference.
const around = 3

// op is one line of a diff: ' ' in both, '-' only before, '+' only after.
type op struct {
	sign byte
	text string
}

// unified is the difference of two texts, as people know it from diff -u.
func unified(name, before, after string) string {
	ops := lines(split(before), split(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", side(name, "stored", before), side(name, "new", after))
	oldLine, newLine := 0, 0 // before ops[i]
	for i := 0; i < len(ops); {
		if ops[i].sign == ' ' {
			i, oldLine, newLine = i+1, oldLine+1, newLine+1
			continue
		}
		start := max(0, i-around)
		end := hunkEnd(ops, i)
		oldLine, newLine = oldLine-(i-start), newLine-(i-start)
		olds, news := count(ops[start:end])
		fmt.Fprintf(&b, "@@ -%s +%s @@\n", span(oldLine, olds), span(newLine, news))
		for _, o := range ops[start:end] {
			b.WriteByte(o.sign)
			b.WriteString(o.text)
			b.WriteByte('\n')
		}
		i, oldLine, newLine = end, oldLine+olds, newLine+news
	}
	return b.String()
}

// side is the name of one of the texts; there is none for an empty one.
func side(name, version, text string) string {
	if text == "" {
		return "/dev/null"
	}
	return name + " (" + version + ")"
}

// hunkEnd is where the hunk ends that the difference at i belongs to: differences with few
// equal lines between them share one.
func hunkEnd(ops []op, i int) int {
	last := i
	for j := i; j < len(ops) && j-last <= 2*around; j++ {
		if ops[j].sign != ' ' {
			last = j
		}
	}
	return min(len(ops), last+1+around)
}

func count(ops []op) (olds, news int) {
	for _, o := range ops {
		if o.sign != '+' {
			olds++
		}
		if o.sign != '-' {
			news++
		}
	}
	return olds, news
}

// span is a range of lines that starts after skipped ones; an empty range names the line before it.
func span(skipped, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", skipped)
	case 1:
		return strconv.Itoa(skipped + 1)
	default:
		return fmt.Sprintf("%d,%d", skipped+1, n)
	}
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

package regular

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
)

// MaxPattern bounds the text of an expression, in bytes.
const MaxPattern = 1 << 16

// maxInst bounds the size of a compiled expression.
const maxInst = 1 << 15

// Language is what an expression matches.
type Language struct{ prog *syntax.Prog }

var (
	errTooLong = errors.New("the expression is too long")
	errWords   = errors.New("word boundaries are not supported")
)

// Compile reads an expression. Word boundaries are refused.
func Compile(pattern string) (*Language, error) {
	if len(pattern) > MaxPattern {
		return nil, errTooLong
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("reading the expression: %w", err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, fmt.Errorf("compiling the expression: %w", err)
	}
	if len(prog.Inst) > maxInst {
		return nil, errTooLong
	}
	for i := range prog.Inst {
		in := &prog.Inst[i]
		if in.Op == syntax.InstEmptyWidth && asserts(in)&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
			return nil, errWords
		}
	}
	return &Language{prog: prog}, nil
}

// Contains reports whether the language has the ASCII string s.
func (l *Language) Contains(s string) bool {
	set := l.start()
	for i := range len(s) {
		set = l.step(set, s[i])
	}
	return l.accepts(set, s == "")
}

// states is a sorted set of places in a program, each one where a byte is read, the text may have
// to end, or the match is complete.
type states []uint32

const (
	opensText  = syntax.EmptyBeginText | syntax.EmptyBeginLine
	closesText = syntax.EmptyEndText | syntax.EmptyEndLine
)

func (l *Language) start() states {
	c := l.closure(opensText)
	c.add(uint32(l.prog.Start)) //nolint:gosec // a place in the program
	return c.done()
}

// step reads one byte. A newline would open a line again; no string that is asked for has one.
func (l *Language) step(from states, b byte) states {
	c := l.closure(0)
	for _, pc := range from {
		in := &l.prog.Inst[pc]
		if reads(in) && in.MatchRune(rune(b)) {
			c.add(in.Out)
		}
	}
	return c.done()
}

// accepts reports whether the text may end here. empty says that it ends where it starts.
func (l *Language) accepts(at states, empty bool) bool {
	holds := closesText
	if empty {
		holds |= opensText
	}
	c := l.closure(holds)
	for _, pc := range at {
		c.add(pc)
	}
	return slices.ContainsFunc(c.found, func(pc uint32) bool { return l.prog.Inst[pc].Op == syntax.InstMatch })
}

func asserts(in *syntax.Inst) syntax.EmptyOp {
	return syntax.EmptyOp(in.Arg) //nolint:gosec // package syntax puts nothing else there
}

func reads(in *syntax.Inst) bool {
	return in.Op == syntax.InstRune || in.Op == syntax.InstRune1 || in.Op == syntax.InstRuneAny || in.Op == syntax.InstRuneAnyNotNL
}

// closure collects the places that are reached without reading.
type closure struct {
	l     *Language
	holds syntax.EmptyOp // the assertions that are true here
	seen  []bool
	found states
	work  []uint32
}

func (l *Language) closure(holds syntax.EmptyOp) *closure {
	return &closure{l: l, holds: holds, seen: make([]bool, len(l.prog.Inst))}
}

func (c *closure) add(pc uint32) {
	c.work = append(c.work, pc)
	for len(c.work) > 0 {
		pc := c.work[len(c.work)-1]
		c.work = c.work[:len(c.work)-1]
		if c.seen[pc] {
			continue
		}
		c.seen[pc] = true
		in := &c.l.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			c.work = append(c.work, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			c.work = append(c.work, in.Out)
		case syntax.InstEmptyWidth:
			if asserts(in)&^c.holds == 0 {
				c.work = append(c.work, in.Out)
			} else if asserts(in)&^closesText == 0 {
				c.found = append(c.found, pc) // perhaps the text ends here
			}
		case syntax.InstFail:
		default:
			c.found = append(c.found, pc)
		}
	}
}

func (c *closure) done() states {
	slices.Sort(c.found)
	return c.found
}

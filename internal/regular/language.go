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
	w := newWalker(l)
	set := w.start()
	for i := range len(s) {
		set = w.step(set, s[i])
	}
	return w.accepts(set, s == "")
}

// states is a sorted set of places in a program, each one where a byte is read, the text may have
// to end, or the match is complete.
type states []uint32

const (
	opensText  = syntax.EmptyBeginText | syntax.EmptyBeginLine
	closesText = syntax.EmptyEndText | syntax.EmptyEndLine
)

// walker follows strings through a program.
type walker struct {
	*Language
	seen  []uint32 // the round in which a place was met
	round uint32
	holds syntax.EmptyOp // the assertions that are true now
	found states
	stack []uint32
	// steps counts the places that were met.
	steps int
}

func newWalker(l *Language) *walker {
	return &walker{Language: l, seen: make([]uint32, len(l.prog.Inst))}
}

func (w *walker) begin(holds syntax.EmptyOp) {
	w.round++
	w.holds, w.found = holds, w.found[:0]
}

func (w *walker) start() states {
	w.begin(opensText)
	w.add(uint32(w.prog.Start)) //nolint:gosec // a place in the program
	return w.result()
}

// step reads one byte. A newline would open a line again; no string that is asked for has one.
func (w *walker) step(from states, b byte) states {
	w.begin(0)
	w.steps += len(from)
	for _, pc := range from {
		in := &w.prog.Inst[pc]
		if reads(in) && in.MatchRune(rune(b)) {
			w.add(in.Out)
		}
	}
	return w.result()
}

// accepts reports whether the text may end here. empty says that it ends where it starts.
func (w *walker) accepts(at states, empty bool) bool {
	holds := closesText
	if empty {
		holds |= opensText
	}
	w.begin(holds)
	for _, pc := range at {
		w.add(pc)
	}
	return slices.ContainsFunc(w.found, func(pc uint32) bool { return w.prog.Inst[pc].Op == syntax.InstMatch })
}

func asserts(in *syntax.Inst) syntax.EmptyOp {
	return syntax.EmptyOp(in.Arg) //nolint:gosec // package syntax puts nothing else there
}

func reads(in *syntax.Inst) bool {
	return in.Op == syntax.InstRune || in.Op == syntax.InstRune1 || in.Op == syntax.InstRuneAny || in.Op == syntax.InstRuneAnyNotNL
}

// add finds the places that are reached from one without reading.
func (w *walker) add(pc uint32) {
	w.stack = append(w.stack, pc)
	for len(w.stack) > 0 {
		pc := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if w.seen[pc] == w.round {
			continue
		}
		w.seen[pc] = w.round
		w.steps++
		in := &w.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			w.stack = append(w.stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			w.stack = append(w.stack, in.Out)
		case syntax.InstEmptyWidth:
			if asserts(in)&^w.holds == 0 {
				w.stack = append(w.stack, in.Out)
			} else if asserts(in)&^closesText == 0 {
				w.found = append(w.found, pc) // perhaps the text ends here
			}
		case syntax.InstFail:
		default:
			w.found = append(w.found, pc)
		}
	}
}

func (w *walker) result() states {
	slices.Sort(w.found)
	return slices.Clone(w.found)
}

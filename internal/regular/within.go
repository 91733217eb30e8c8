package regular

import (
	"encoding/binary"
	"slices"
)

// Verdict is the answer to a question about two languages.
type Verdict uint8

// The verdicts.
const (
	// Unknown: the question is too large to answer.
	Unknown Verdict = iota
	// Yes is proven.
	Yes
	// No has a witness.
	No
)

const (
	// maxPairs and maxSteps bound the memory and the work of one question.
	maxPairs = 20_000
	maxSteps = 4_000_000
)

// Prover answers questions, until their work together comes to a limit; then every answer is Unknown.
type Prover struct{ left int }

// NewProver makes a prover for about as many questions of the usual size.
func NewProver(questions int) *Prover { return &Prover{left: questions * usualSteps} }

// usualSteps is what a question about origins takes, generously.
const usualSteps = 100_000

// Within reports whether every ASCII string that is in all of the languages in is in out. The
// answer No comes with one of the shortest strings that are not.
func (p *Prover) Within(out *Language, in ...*Language) (Verdict, string) {
	s := search{out: newWalker(out), seen: map[string]bool{}, limit: min(maxSteps, p.left)}
	verdict, witness := s.run(in)
	p.left -= s.steps()
	return verdict, witness
}

// search walks the pairs of state sets that some string leads to, shortest strings first.
type search struct {
	out   *walker
	in    []*walker
	queue []pair
	seen  map[string]bool
	limit int
}

func (s *search) run(in []*Language) (Verdict, string) {
	first := pair{in: make([]states, len(in)), out: s.out.start(), from: -1}
	for i, l := range in {
		s.in = append(s.in, newWalker(l))
		first.in[i] = s.in[i].start()
	}
	s.push(first)
	alphabet := alphabet(append([]*Language{s.out.Language}, in...))
	for i := 0; ; i++ {
		if i == len(s.queue) {
			return Yes, ""
		}
		p := s.queue[i]
		if s.steps() > s.limit {
			return Unknown, ""
		}
		if s.escapes(&p) {
			return No, s.text(i)
		}
		for _, b := range alphabet {
			next, alive := s.step(&p, b, i)
			if alive && !s.push(next) {
				return Unknown, ""
			}
		}
	}
}

// steps is the work so far.
func (s *search) steps() int {
	n := s.out.steps
	for _, w := range s.in {
		n += w.steps
	}
	return n
}

// pair is where a string leads in each language.
type pair struct {
	in   []states
	out  states
	from int // the pair before it in the queue
	by   byte
}

// escapes reports whether the string that leads to p is in all of in and not in out.
func (s *search) escapes(p *pair) bool {
	empty := p.from < 0
	for i, l := range s.in {
		if !l.accepts(p.in[i], empty) {
			return false
		}
	}
	return !s.out.accepts(p.out, empty)
}

// step reads b; it is not alive when no longer string can be in all of in.
func (s *search) step(p *pair, b byte, from int) (next pair, alive bool) {
	next = pair{in: make([]states, len(s.in)), from: from, by: b}
	for i, l := range s.in {
		if next.in[i] = l.step(p.in[i], b); len(next.in[i]) == 0 {
			return pair{}, false
		}
	}
	next.out = s.out.step(p.out, b)
	return next, true
}

// push queues a pair that is new. It is false when there are too many.
func (s *search) push(p pair) bool {
	var key []byte
	for _, set := range append(p.in, p.out) { //nolint:gocritic // p.in has no spare capacity, and is not changed
		for _, pc := range set {
			key = binary.AppendUvarint(key, uint64(pc)+1)
		}
		key = append(key, 0)
	}
	if s.seen[string(key)] {
		return true
	}
	s.seen[string(key)] = true
	s.queue = append(s.queue, p)
	return len(s.queue) <= maxPairs
}

// text is the string that leads to a pair.
func (s *search) text(i int) string {
	var backwards []byte
	for ; s.queue[i].from >= 0; i = s.queue[i].from {
		backwards = append(backwards, s.queue[i].by)
	}
	slices.Reverse(backwards)
	return string(backwards)
}

// alphabet is one byte of each class that none of the languages tells apart, letters first so that witnesses
// read like names.
func alphabet(all []*Language) []byte {
	var out []byte
	known := map[string]bool{}
	for _, b := range characters() {
		var class []byte
		for _, l := range all {
			for i := range l.prog.Inst {
				if in := &l.prog.Inst[i]; reads(in) {
					class = append(class, bit(in.MatchRune(rune(b))))
				}
			}
		}
		if !known[string(class)] {
			known[string(class)] = true
			out = append(out, b)
		}
	}
	return out
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// characters are what strings are made of.
func characters() []byte {
	out := make([]byte, 0, 128)
	for b := byte('a'); b <= 'z'; b++ {
		out = append(out, b)
	}
	for b := range byte(128) {
		if (b < 'a' || b > 'z') && b != '\n' {
			out = append(out, b)
		}
	}
	return out
}

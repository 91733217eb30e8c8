package policy

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mutator makes entries and origins from so few parts that they often almost match.
type mutator struct{ *rand.Rand }

func (m mutator) pick(parts ...string) string { return parts[m.IntN(len(parts))] }

func (m mutator) host() string {
	labels := make([]string, 1+m.IntN(4))
	for i := range labels {
		labels[i] = m.pick("foo", "bar", "barfoo", "a", "b", "www", "com", "example", "xn--a", "1", "192", "my_x", "")
		if labels[i] == "" && m.IntN(4) > 0 {
			labels[i] = "com"
		}
	}
	return m.pick(strings.Join(labels, "."), strings.Join(labels, "."), strings.Join(labels, "."), "192.0.2.1", "[::1]", "localhost", strings.Join(labels, ".")+".")
}

func (m mutator) origin() string {
	return m.pick("https", "https", "https", "http", "ftp", "app", "file") + "://" + m.host() + m.pick("", "", "", ":8443", ":80", ":443", ":1")
}

func (m mutator) entry() string {
	star := m.pick("", "", "*.", "*.")
	if m.IntN(40) == 0 {
		return m.pick("*", "https://*", "http://*:*", "https://*:8443")
	}
	scheme, rest, _ := strings.Cut(m.origin(), "://")
	return scheme + "://" + star + rest + m.pick("", "", "", ":*")
}

// mutate changes one byte, or none.
func (m mutator) mutate(s string) string {
	b := []byte(s)
	if len(b) == 0 {
		return s
	}
	i := m.IntN(len(b))
	switch m.IntN(8) {
	case 0:
		b[i] = byte(m.IntN(256))
	case 1:
		b = slices.Delete(b, i, i+1)
	case 2:
		b = slices.Insert(b, i, b[m.IntN(len(b))])
	case 3:
		b = slices.Insert(b, i, ".:/*,-@[] A"[m.IntN(11)])
	case 4:
		b = append(b, b[i:]...)
	}
	return string(b)
}

// TestMutatedOriginsAgainstOracle asks random sets of entries about origins that are
// derived from the set, and compares with the naive reading of the rules.
// CORSGATE_FUZZ_ITERATIONS sets the number of questions.
func TestMutatedOriginsAgainstOracle(t *testing.T) {
	iterations := 1_000_000
	if text := os.Getenv("CORSGATE_FUZZ_ITERATIONS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("reading CORSGATE_FUZZ_ITERATIONS: %v", err)
		}
		iterations = max(iterations, n)
	}
	const questions = 2000 // of one set
	m := mutator{rand.New(rand.NewPCG(1, 2))}
	allowed := 0
	for done := 0; done < iterations; done += questions {
		entries := m.entries(1 + m.IntN(12))
		p := mustCompile(t, Spec{Origins: entries})
		for range questions {
			if m.ask(t, p, entries) {
				allowed++
			}
		}
	}
	if share := float64(allowed) / float64(iterations); share < 0.05 || share > 0.95 {
		t.Errorf("%.2f of the questions were allowed: the generator asks for nothing interesting", share)
	}
}

func (m mutator) entries(n int) []string {
	var entries []string
	for len(entries) < n {
		if e := m.entry(); isEntry(e) {
			entries = append(entries, e)
		}
	}
	return entries
}

func isEntry(text string) bool {
	_, ok := parsePattern(text)
	return ok
}

// ask derives an origin from the set, or makes a new one, and compares the answers.
func (m mutator) ask(t *testing.T, p *Policy, entries []string) bool {
	value := m.origin()
	if m.IntN(2) == 0 {
		value = strings.ReplaceAll(m.pick(entries...), "*.", m.pick("", "a.", "a.b.", "x"))
		value = strings.ReplaceAll(value, ":*", m.pick("", ":1", ":8443"))
	}
	value = m.mutate(value)
	r := Request{Method: "GET", Origin: value}
	d := p.Decide(&r)
	want := naiveAllows(entries, value)
	if got := d.Outcome == Allowed; got != want {
		t.Fatalf("%q of %q: allowed %v (%v), want %v", value, entries, got, d.Reason, want)
	}
	return want
}

// Policies share nothing: what one decides does not depend on which others were
// compiled from the same slices, asked in between, or asked at the same time.
func TestPoliciesAreIndependent(t *testing.T) {
	m := mutator{rand.New(rand.NewPCG(3, 4))}
	shared := slices.DeleteFunc(m.entries(300), func(e string) bool { return e == "*" })
	values := make([]string, 500)
	for i := range values {
		values[i] = m.mutate(m.origin())
	}
	decide := func(p *Policy) (reasons []Reason) {
		for _, v := range values {
			r := Request{Method: "GET", Origin: v}
			d := p.Decide(&r)
			reasons = append(reasons, d.Reason)
		}
		return reasons
	}
	first := mustCompile(t, Spec{Origins: shared[:100]})
	want := decide(first)
	for i := range 4 {
		t.Run("among others", func(t *testing.T) {
			t.Parallel()
			other := mustCompile(t, Spec{Origins: append(slices.Clone(shared[50*i:]), "*")})
			if got := decide(other); slices.Equal(got, want) {
				t.Error("two different policies decide alike")
			}
			if got := decide(first); !slices.Equal(got, want) {
				t.Error("a policy decides differently after another was compiled")
			}
		})
	}
}

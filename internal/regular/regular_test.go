package regular_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/regular"
)

func compile(t *testing.T, pattern string) *regular.Language {
	t.Helper()
	l, err := regular.Compile(pattern)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	return l
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in, out string
		want    regular.Verdict
		witness string
	}{
		{`abc`, `a.c`, regular.Yes, ""},
		{`a.c`, `abc`, regular.No, "aac"},
		{`https://([a-z0-9-]+\.)+example\.com`, `https://.*\.example\.com`, regular.Yes, ""},
		{`https://([a-z0-9-]+\.)+example\.com`, `https://[^.]+\.example\.com`, regular.No, "https://a.a.example.com"},
		{`a(:[1-9][0-9]{0,4})?`, `a(:\d+)?`, regular.Yes, ""},
		{`a(:[1-9][0-9]{0,4})?`, `a:\d+`, regular.No, "a"},
		{`^a$`, `a`, regular.Yes, ""},
		{`a`, `^a$`, regular.Yes, ""},
		{``, `^$`, regular.Yes, ""},
		{`ab`, `a^b`, regular.No, "ab"},
		{`ab`, `a$b`, regular.No, "ab"},
		{`a|b`, `(?:a$)|b$`, regular.Yes, ""},
		{`A`, `(?i)a`, regular.Yes, ""},
		{`[^\x00-\x7f]`, `a`, regular.Yes, ""}, // only ASCII takes part
		{`(a|b)*a(a|b){14}`, `(a|b)*b(a|b){14}`, regular.Unknown, ""},
	} {
		got, witness := regular.NewProver(100).Within(compile(t, tc.out), compile(t, tc.in))
		if got != tc.want || witness != tc.witness {
			t.Errorf("%s within %s: got %v %q, want %v %q", tc.in, tc.out, got, witness, tc.want, tc.witness)
		}
	}
}

func TestWithinAll(t *testing.T) {
	t.Parallel()
	got, witness := regular.NewProver(100).Within(compile(t, "b"), compile(t, "a|b|c"), compile(t, "b|c|d"))
	if got != regular.No || witness != "c" {
		t.Errorf("got %v %q", got, witness)
	}
}

// TestProverEnds: what questions take together is bounded, and beyond it nothing is proven.
func TestProverEnds(t *testing.T) {
	t.Parallel()
	p := regular.NewProver(1)
	some, more := compile(t, `(a|b)*a(a|b){9}`), compile(t, `(a|b)*`)
	if got, _ := p.Within(more, some); got != regular.Yes {
		t.Fatalf("got %v", got)
	}
	for range 10 {
		_, _ = p.Within(more, some)
	}
	if got, _ := p.Within(more, more); got != regular.Unknown {
		t.Errorf("got %v after the end", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`(`, `a\b`, strings.Repeat("a", regular.MaxPattern+1), strings.Repeat("(a{999})", 99)} {
		if _, err := regular.Compile(pattern); err == nil {
			t.Errorf("%.20s… was taken", pattern)
		}
	}
}

// FuzzLanguage holds membership against the standard library, and the verdicts against membership.
func FuzzLanguage(f *testing.F) {
	for _, seed := range [][3]string{
		{`https://.*\.a\.b`, `https://(x\.)+a\.b`, "https://x.a.b"},
		{`^(a|b)?$`, `a*`, "a"},
		{`(?i)ab$`, `[^a]+`, "AB"},
		{`a$b|^c`, `(?:^a|b)+`, "c"},
		{`x{2,4}`, `(?s).*`, "xxx"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, a, b, text string) {
		if strings.Contains(a+b, `\Q`) || len(a) > 64 || len(b) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r > 126 || r == '\n' }) {
			t.Skip()
		}
		la, errA := regular.Compile(a)
		lb, errB := regular.Compile(b)
		if errA != nil || errB != nil {
			t.Skip()
		}
		whole := func(pattern, s string) bool { return regexp.MustCompile(`\A(?:` + pattern + `)\z`).MatchString(s) }
		if got, want := la.Contains(text), whole(a, text); got != want {
			t.Fatalf("%q contains %q: %v, want %v", a, text, got, want)
		}
		switch verdict, witness := regular.NewProver(100).Within(lb, la); {
		case verdict == regular.Yes && la.Contains(text) && !lb.Contains(text):
			t.Fatalf("%q is not within %q: %q", a, b, text)
		case verdict == regular.No && (!whole(a, witness) || whole(b, witness)):
			t.Fatalf("%q is no witness that %q is not within %q", witness, a, b)
		}
	})
}

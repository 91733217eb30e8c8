package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestNameSetHasWhatItWasMadeOf(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 16, 17, maxNames} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf("%c%s-%d", 'a'+rune(i%7), strings.Repeat("x", random.IntN(maxNameBytes-8)), i))
			}
			random.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
			set := packNames(list)
			open := set.open()
			if got, want := set.joined(), strings.Join(list, ", "); got != want {
				t.Fatalf("joined: %q, want %q", got, want)
			}
			asked := append(slices.Clone(list), "", "a", "zz", "a-", ",", ", ")
			for _, name := range list {
				asked = append(asked, name[:len(name)-1], name+"0", strings.ToUpper(name))
			}
			for _, sorted := range []bool{false, true} {
				if sorted {
					slices.Sort(asked) // as browsers ask
				}
				for range 2 {
					for _, name := range asked {
						want := slices.Contains(list, name)
						if set.has(name) != want || open.has(name) != want {
							t.Errorf("%q: short look-up %t, open %t, want %t", name, set.has(name), open.has(name), want)
						}
						if want = slices.Contains(list, strings.ToLower(name)); open.hasFolded(name) != want {
							t.Errorf("%q in any case: %t", name, !want)
						}
					}
				}
			}
		})
	}
}

func TestEqualListsShareTheirMemory(t *testing.T) {
	compile := func() *Policy {
		return mustCompile(t, Spec{Methods: []string{"put", "PATCH"}, RequestHeaders: []string{"X-A", "x-b"}, ExposeHeaders: []string{"x-a", "x-b"}})
	}
	if p, q := compile(), compile(); p.methods != q.methods || p.headers != q.headers || p.headers != p.exposed {
		t.Error("equal lists are held twice")
	}
}

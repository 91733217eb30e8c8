package change

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sides takes the operations apart again.
func sides(ops []op) (a, b []string) {
	for _, o := range ops {
		if o.sign != '+' {
			a = append(a, o.text)
		}
		if o.sign != '-' {
			b = append(b, o.text)
		}
	}
	return a, b
}

func changes(ops []op) int {
	return len(slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.sign == ' ' }))
}

// Whatever the texts, the operations lead from one to the other, and patch(1) agrees.
func TestLinesLeadFromOneTextToTheOther(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Log("without patch, hunks are not applied")
	}
	dir := t.TempDir()
	for round := range 300 {
		alphabet := 1 + random.IntN(12)
		text := func() []string {
			out := make([]string, 1+random.IntN(30))
			for i := range out {
				out[i] = strconv.Itoa(random.IntN(alphabet))
			}
			return out
		}
		a, b := text(), text()
		gotA, gotB := sides(lines(a, b))
		if !slices.Equal(gotA, a) || !slices.Equal(gotB, b) {
			t.Fatalf("from %v to %v: %v", a, b, lines(a, b))
		}
		if patch == "" || round >= 60 || slices.Equal(a, b) {
			continue
		}
		before, after := strings.Join(a, "\n")+"\n", strings.Join(b, "\n")+"\n"
		name := filepath.Join(dir, strconv.Itoa(round))
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), patch, "--fuzz=0", name)
		cmd.Stdin = strings.NewReader(unified("x", before, after))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, unified("x", before, after))
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != after {
			t.Fatalf("patched to %q, want %q (%v)", got, after, err)
		}
	}
}

// Texts beyond the table are divided at lines that stand once, and stay small.
func TestLinesOfLargeTexts(t *testing.T) {
	t.Parallel()
	var a, b []string
	for i := range 10_000 {
		a = append(a, fmt.Sprintf("- https://%d.example", i))
		if i%10 != 0 {
			b = append(b, a[i])
		}
		if i%100 == 7 {
			b = append(b, "- same")
		}
	}
	ops := lines(a, b)
	if gotA, gotB := sides(ops); !slices.Equal(gotA, a) || !slices.Equal(gotB, b) {
		t.Fatal("the operations do not lead from one text to the other")
	}
	if got, want := changes(ops), 1000+100; got != want {
		t.Errorf("%d lines differ, want %d", got, want)
	}
	slices.Reverse(b)
	if gotA, gotB := sides(lines(a, b)); !slices.Equal(gotA, a) || !slices.Equal(gotB, b) {
		t.Fatal("reversed: the operations do not lead from one text to the other")
	}
}

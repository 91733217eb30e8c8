package tenant

import (
	"fmt"
	"strings"
	"testing"
)

// The values are frozen: other replicas, older and newer, sort origins by them.
func TestBucketIsFrozen(t *testing.T) {
	cases := []struct {
		id, origin string
		want       int
	}{
		{"acme", "https://app.acme.example", 52},
		{"acme", "https://old.acme.example", 66},
		{"globex", "https://app.acme.example", 14},
		{"a", "null", 35},
		{"a.b", "c", 11},
		{"a", "b.c", 51},
		{"acme", strings.Repeat("x", 327), 15},
		{"acme", strings.Repeat("x", 9000), 15}, // rule 13: beyond 326 bytes no origin is valid
	}
	for _, c := range cases {
		if got := bucket(c.id, c.origin); got != c.want {
			t.Errorf("rule 79: bucket(%q, %q) = %d, want %d for ever", c.id, c.origin, got, c.want)
		}
	}
}

func TestBucketSpreadsEvenly(t *testing.T) {
	const origins = 100_000
	var counts [100]int
	for i := range origins {
		counts[bucket("acme", fmt.Sprintf("https://%d.example", i))]++
	}
	for b, n := range counts {
		if n < origins/100*85/100 || n > origins/100*115/100 {
			t.Errorf("rule 79: bucket %d holds %d of %d origins, want about %d", b, n, origins, origins/100)
		}
	}
}

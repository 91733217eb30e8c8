package wording_test

import (
	"testing"

	"github.com/corsgate/corsgate/internal/wording"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"an origin, ümlaut":   "an origin, ümlaut",
		"a\x1b[31mb\nc\u202e": "a\ufffd[31mb\ufffdc\ufffd",
		"\xff":                "\ufffd",
	} {
		if got := wording.Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 errors", 1: "1 error", 2: "2 errors"} {
		if got := wording.Count(n, "error"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

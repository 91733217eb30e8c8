package migrate_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPageHasEveryCode: the page explains each code that a report may have.
func TestPageHasEveryCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range []string{"difference.go", "general.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Code = "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			found++
			if !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("docs/import.md does not explain %s", m[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("found only %d codes", found)
	}
}

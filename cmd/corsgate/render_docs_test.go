package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// The page about Istio names every flag of the command, and no other, with its default.
func TestIstioPageNamesTheFlags(t *testing.T) {
	text, err := os.ReadFile("../../docs/istio.md")
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	cmd := (&program{}).renderIstioCommand()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return // cobra's
		}
		want["--"+f.Name] = strings.NewReplacer("[]", "", "false", "no").Replace(f.DefValue)
	})
	_, table, found := strings.Cut(string(text), "| flag | default | what |\n|---|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("the page has no table of flags")
	}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		for flag := range strings.SplitSeq(cells[1], ",") {
			got[strings.Trim(flag, " `")] = strings.Trim(cells[2], " `")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-code +page):\n%s", diff)
	}
}

package main

import (
	"bytes"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// The page about the commands shows what they say: its files are written and its commands run, in the order of the
// page. UPDATE_SCRIPTS=1 rewrites their output. HASH stands for the one that was named last.
func TestTenantPage(t *testing.T) {
	const page = "../../docs/tenant-commands.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	t.Chdir(t.TempDir())
	s := storetest.NewMemory()
	hash := ""
	block := regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```")
	commands := 0
	got := block.ReplaceAllStringFunc(string(text), func(found string) string {
		m := block.FindStringSubmatch(found)
		if m[1] == "yaml" {
			name, _, _ := strings.Cut(strings.TrimPrefix(m[2], "# "), "\n")
			if err := os.WriteFile(name, []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			return found
		}
		var b strings.Builder
		b.WriteString("```console\n")
		for line := range strings.Lines(m[2]) {
			command, ok := strings.CutPrefix(line, "$ corsgate ")
			if !ok {
				continue
			}
			commands++
			b.WriteString(line)
			out := pageRun(t, s, strings.ReplaceAll(command, "HASH", hash))
			if h := regexp.MustCompile(`--expect ([0-9a-f]{16})`).FindStringSubmatch(out); h != nil {
				hash = h[1]
			}
			b.WriteString(out)
		}
		return b.String() + "```"
	})
	if commands < 8 {
		t.Errorf("only %d commands stand on the page", commands)
	}
	diff := cmp.Diff(string(text), got)
	if diff != "" && os.Getenv("UPDATE_SCRIPTS") != "" {
		if err := root.WriteFile("tenant-commands.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff != "" {
		t.Errorf("the page (-page +commands):\n%s", diff)
	}
}

// pageRun is the output of a command, with what differs from run to run as it was on one morning.
func pageRun(t *testing.T, s *storetest.Memory, command string) string {
	var args []string
	for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1) {
		args = append(args, strings.Trim(word, "'"))
	}
	var out bytes.Buffer
	code := run(t.Context(), args, surroundings{
		environ: []string{"CORSGATE_REDIS=redis://memory", "CORSGATE_BY=ana@desk"},
		stdin:   strings.NewReader(""), stdout: &out, stderr: &out,
		open: func(config.Redis, *slog.Logger) (tenantStore, error) { return closing{s, s}, nil },
	})
	if code != exitOK {
		t.Fatalf("%s: code %d\n%s", command, code, out.String())
	}
	text := out.String()
	for _, r := range [][2]string{
		{`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d`, "2027-01-31T09:30:00"},
		{`T09:30:00\.\d+Z`, "T09:30:00.250000Z"},
		{` in [0-9.]+(µs|ms|s)\n`, " in 4ms\n"},
		{`epoch      \S+`, "epoch      VHQMN3GDEP4DXVTSGDHW57NM2E"},
		{`position   \S+`, "position   1801387800250-0"},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	return text
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/config"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// desk is where somebody works with a registry in memory.
type desk struct {
	*testing.T
	store store.Writer
}

type closing struct {
	store.Writer
	store.UseReader
}

func (closing) Close() error { return nil }

// result is what a command line gave.
type result struct {
	code           int
	stdout, stderr string
}

// run executes a command line, with a standard input unless it is nil.
func (d desk) run(ctx context.Context, stdin io.Reader, args ...string) result {
	var out, err bytes.Buffer
	code := run(ctx, append([]string{"tenant"}, args...), surroundings{
		environ: []string{"CORSGATE_REDIS=redis://memory", "CORSGATE_BY=ana"},
		stdin:   stdin, stdout: &out, stderr: &err,
		open: func(config.Redis, *slog.Logger) (tenantStore, error) {
			return closing{d.store, storetest.NewMemory()}, nil
		},
	})
	return result{code, out.String(), err.String()}
}

// must is run for what has to work.
func (d desk) must(stdin string, args ...string) string {
	d.Helper()
	r := d.run(d.Context(), strings.NewReader(stdin), args...)
	if r.code != exitOK {
		d.Fatalf("%v: code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// all is every document, as export gives it.
func (d desk) all() string {
	d.Helper()
	return d.must("", "export")
}

// numbered are n documents.
func numbered(n int, origin string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\nid: t%05d\nhosts: [t%d.example]\npolicy: {origins: [https://%s]}\n", i, i, origin)
	}
	return b.String()
}

// watched is a store whose writes can be met half-way.
type watched struct {
	*storetest.Memory
	before func(edits []store.Edit) error
	after  func() error
	writes int
}

func (w *watched) Apply(ctx context.Context, edits []store.Edit, author store.Author) ([]int64, error) {
	w.writes++
	if w.before != nil {
		if err := w.before(edits); err != nil {
			return nil, err
		}
	}
	revisions, err := w.Memory.Apply(ctx, edits, author)
	if err == nil && w.after != nil {
		err = w.after()
	}
	return revisions, err
}

// An interruption in the middle of the transaction comes too late: all is written, and the command says so. One
// before it writes nothing.
func TestInterruptedApply(t *testing.T) {
	t.Parallel()
	w := &watched{Memory: storetest.NewMemory()}
	d := desk{t, w}
	ctx, interrupt := context.WithCancel(t.Context())
	w.before = func([]store.Edit) error {
		interrupt()
		return nil
	}
	r := d.run(ctx, strings.NewReader(numbered(100, "a.example")), "apply", "-f", "-", "--write")
	if r.code != exitOK || !strings.Contains(r.stdout, "100 created") {
		t.Errorf("interrupted while writing: code %d\n%s", r.code, r.stderr)
	}
	before := d.all()
	if n := strings.Count(before, "---"); n != 100 {
		t.Fatalf("%d documents are there", n)
	}

	r = d.run(ctx, strings.NewReader(numbered(100, "b.example")), "apply", "-f", "-", "--write")
	if r.code != exitFailed || !strings.Contains(r.stderr, "interrupted") {
		t.Errorf("interrupted before writing: code %d\n%s", r.code, r.stderr)
	}
	if diff := cmp.Diff(before, d.all()); diff != "" {
		t.Errorf("an interrupted command wrote something:\n%s", diff)
	}
}

// A command that waits for its standard input can be interrupted.
func TestInterruptedInput(t *testing.T) {
	t.Parallel()
	d := desk{t, storetest.NewMemory()}
	in, writer := io.Pipe()
	t.Cleanup(func() { _ = writer.Close() })
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(writer, numbered(3, "a.example"))
		interrupt()
	}()
	r := d.run(ctx, in, "apply", "-f", "-", "--write")
	if r.code != exitFailed || !strings.Contains(r.stderr, "interrupted") || d.all() != "" {
		t.Errorf("code %d\n%s", r.code, r.stderr)
	}
}

// Somebody who is quicker between the difference and the write wins; nothing of the slower one is written.
func TestQuickerEditor(t *testing.T) {
	t.Parallel()
	w := &watched{Memory: storetest.NewMemory()}
	d := desk{t, w}
	d.must(numbered(3, "a.example"), "apply", "-f", "-", "--write")
	w.before = func([]store.Edit) error {
		w.before = nil
		desk{t, w.Memory}.must("id: t00001\nhosts: [t1.example]\npolicy: {origins: [https://quicker.example]}", "apply", "-f", "-", "--write", "--by", "bob")
		return nil
	}
	r := d.run(t.Context(), strings.NewReader(numbered(3, "slower.example")), "apply", "-f", "-", "--write")
	want := "corsgate: nothing was written, somebody else was quicker or has the host; look at the difference again:\n" +
		"tenant t00001: revision 2 is stored, the change was made from 1\n"
	if r.code != exitFailed || r.stderr != want {
		t.Errorf("code %d\n%s", r.code, r.stderr)
	}
	if all := d.all(); strings.Contains(all, "slower") || !strings.Contains(all, "quicker") {
		t.Errorf("stored is\n%s", all)
	}
}

// What a dry run showed is not written any more once something else is stored.
func TestShownIsWritten(t *testing.T) {
	t.Parallel()
	d := desk{t, storetest.NewMemory()}
	d.must(numbered(2, "a.example"), "apply", "-f", "-", "--write")
	shown := d.must(numbered(2, "b.example"), "apply", "-f", "-")
	command := strings.Fields(shown[strings.LastIndex(shown, "corsgate tenant "):])[2:]
	d.must("id: t00001\nlabels: {tier: gold}\npolicy: {origins: [https://a.example]}", "apply", "-f", "-", "--write")
	r := d.run(t.Context(), strings.NewReader(numbered(2, "b.example")), command...)
	if r.code != exitFailed || !strings.Contains(r.stderr, "what would change is not what was shown") {
		t.Errorf("%v after another change: code %d\n%s", command, r.code, r.stderr)
	}
	shown = d.must(numbered(2, "b.example"), "apply", "-f", "-")
	command = strings.Fields(shown[strings.LastIndex(shown, "corsgate tenant "):])[2:]
	if out := d.must(numbered(2, "b.example"), command...); !strings.Contains(out, "0 created, 2 updated") {
		t.Errorf("%v:\n%s", command, out)
	}
}

// More than a store takes as one is refused before anything is shown or written.
func TestTooManyAsOne(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &program{surroundings: surroundings{stdout: &out}}
	pl := &plan{steps: make([]step, store.MaxEdits+1)}
	err := p.carry(t.Context(), nil, pl, &writeFlags{write: true, format: "text"}, carried{name: "apply"})
	if err == nil || err.Error() != "nothing was written: 10001 documents change, and at most 10000 can be written as one; use corsgate tenant import, which writes one part after another" || out.Len() > 0 {
		t.Errorf("%v\n%.100s", err, out.String())
	}
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	w := &watched{Memory: storetest.NewMemory(), after: func() error { return fmt.Errorf("writing: %w", redisstore.ErrOutcomeUnknown) }}
	d := desk{t, w}
	r := d.run(t.Context(), strings.NewReader(numbered(2, "a.example")), "apply", "-f", "-", "--write")
	if r.code != exitFailed || !strings.Contains(r.stderr, "all of it was written or nothing, and the answer was lost") {
		t.Errorf("code %d\n%s", r.code, r.stderr)
	}
	if out := d.must(numbered(2, "a.example"), "apply", "-f", "-", "--write"); !strings.Contains(out, "2 unchanged") {
		t.Errorf("the same command again:\n%s", out)
	}
}

// An import that fails says what it wrote; the next one writes the rest, and nothing twice.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	w := &watched{Memory: storetest.NewMemory()}
	d := desk{t, w}
	w.before = func([]store.Edit) error {
		if w.writes == 3 {
			return errors.New("the disk is full")
		}
		return nil
	}
	text := numbered(4500, "a.example")
	r := d.run(t.Context(), strings.NewReader(text), "import", "-f", "-", "--write")
	want := "corsgate: 2000 of 4500 documents are written, up to tenant t01999; the same command goes on from there. " +
		"The part from t02000 to t02999 failed: nothing was written: the disk is full\n"
	if r.code != exitFailed || r.stderr != want {
		t.Errorf("code %d\n%s", r.code, r.stderr)
	}

	ctx, interrupt := context.WithCancel(t.Context())
	w.before = func([]store.Edit) error {
		interrupt()
		return nil
	}
	r = d.run(ctx, strings.NewReader(text), "import", "-f", "-", "--write")
	want = "corsgate: 1000 of 2500 documents are written, up to tenant t02999; the same command goes on from there. " +
		"The part from t03000 to t03999 failed: interrupted: nothing was written\n"
	if r.code != exitFailed || r.stderr != want {
		t.Errorf("interrupted: code %d\n%s", r.code, r.stderr)
	}

	w.before = nil
	if out := d.must(text, "import", "-f", "-", "--write"); !strings.HasPrefix(out, "1500 created, 0 updated, 3000 unchanged, 0 deleted in ") {
		t.Errorf("the same command again:\n%s", out)
	}
	for _, id := range []string{"t00000", "t02999", "t04499"} {
		if out := d.must("", "history", id); strings.Count(out, "\n") != 2 {
			t.Errorf("history of %s:\n%s", id, out)
		}
	}
}

// Many documents that lose all their origins are held back by serving processes: an import says so, too.
func TestEmptyingWarns(t *testing.T) {
	t.Parallel()
	d := desk{t, storetest.NewMemory()}
	d.must(numbered(60, "a.example"), "apply", "-f", "-", "--write")
	const want = "corsgate: warning: 51 of 60 tenants lose all their origins at once, more than 50: serving processes hold that back until corsgate tenant confirm\n"
	for _, command := range []string{"apply", "import"} {
		for n, warns := range map[int]bool{50: false, 51: true} {
			text := strings.ReplaceAll(numbered(n, "a.example"), "{origins: [https://a.example]}", "{}")
			r := d.run(t.Context(), strings.NewReader(text), command, "-f", "-")
			if got := r.stderr == want; r.code != exitOK || got != warns {
				t.Errorf("%s of %d: code %d\n%s", command, n, r.code, r.stderr)
			}
		}
	}
}

// An export is of one moment, however long it reads: what changes meanwhile is read again.
func TestExportOfOneMoment(t *testing.T) {
	t.Parallel()
	m := storetest.NewMemory()
	d := desk{t, m}
	d.must(numbered(1200, "a.example"), "apply", "-f", "-", "--write")
	reads := 0
	m.Intercept(func(ctx context.Context, c storetest.Call) error {
		if c.Op != storetest.OpDocuments {
			return nil
		}
		if reads++; reads != 3 {
			return nil
		}
		// The first pages are read already.
		edits := []store.Edit{
			{ID: "t00000", Base: 1, Tenant: &tenantv1.Tenant{Id: "t00000", Policy: &tenantv1.Policy{Origins: []string{"https://new.example"}}}},
			{ID: "t00001", Base: 1},
			{ID: "a-new-one", Tenant: &tenantv1.Tenant{Id: "a-new-one", Policy: &tenantv1.Policy{}}},
		}
		_, err := m.Apply(ctx, edits, store.Author{By: "bob"})
		return err
	})
	all := d.all()
	m.Intercept(nil)
	if diff := cmp.Diff(d.all(), all); diff != "" {
		t.Errorf("-after +while it changed:\n%s", diff)
	}
	if !strings.HasPrefix(all, "---\nid: a-new-one\n") || strings.Contains(all, "t00001\n") || strings.Count(all, "---\n") != 1200 {
		t.Errorf("the changes are not there:\n%.300s", all)
	}
}

// A registry that changes faster than it is read is not exported as a mixture.
func TestExportGivesUp(t *testing.T) {
	t.Parallel()
	m := storetest.NewMemory()
	d := desk{t, m}
	d.must(numbered(2, "a.example"), "apply", "-f", "-", "--write")
	revision := int64(0)
	m.Intercept(func(ctx context.Context, c storetest.Call) error {
		if c.Op != storetest.OpDocuments {
			return nil
		}
		revision++
		_, err := m.Apply(ctx, []store.Edit{{ID: "t00000", Base: revision, Tenant: &tenantv1.Tenant{Id: "t00000", Policy: &tenantv1.Policy{}}}}, store.Author{By: "bob"})
		return err
	})
	r := d.run(t.Context(), nil, "export")
	if r.code != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, "changes faster than it can be read") {
		t.Errorf("code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestAuthors(t *testing.T) {
	t.Parallel()
	d := desk{t, storetest.NewMemory()}
	for _, args := range [][]string{
		{"--by", "a\tb"},
		{"--by", strings.Repeat("é", 257)},
		{"--reason", "a\nb"},
		{"--reason", strings.Repeat("é", 1025)},
		{"--reason", "\u202e"},
	} {
		r := d.run(t.Context(), nil, append([]string{"delete", "acme"}, args...)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, args[0]) || !strings.Contains(r.stderr, "printable characters") {
			t.Errorf("%.30q: code %d, %s", args, r.code, r.stderr)
		}
	}
	d.must(numbered(1, "a.example"), "apply", "-f", "-", "--write", "--by", strings.Repeat("é", 256), "--reason", strings.Repeat("é", 1024))
	if whoami() == "" {
		t.Error("the system does not say who we are")
	}
}

// Pieces of a stream give the documents, and the places, that the whole gives.
func TestPieces(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"# only\n# comments\n",
		"\ufeffid: a\npolicy: {}\n",
		"---\nid: a\npolicy: {}\n---\nid: b\npolicy: {}\n",
		"id: a\npolicy: {}\n---\n---\n# c\n---\nid: b\npolicy: {originz: []}\n",
		"id: a\r\npolicy: {}\r\n---\r\nid: b\r\nnope: 1\r\n...\r\nid: c\r\nnope: 2\r\n",
		"--- # first\nid: a\nx: 1\n--- {id: b, y: 2}\n",
		"id: a\nlabels: {x: '---'}\nreason: |\n  ---\n  ----\n----\n",
		"id: a\nreason: \"" + strings.Repeat("x", 1<<17) + "\n---\nid: b\nz: 1",
		"---",
	} {
		_, _, want := document.Decode("f", []byte(text))
		good, _, _ := document.Decode("f", []byte(text))
		var got document.Problems
		n := 0
		err := pieces(strings.NewReader(text), func(piece []byte, line int) error {
			docs, _, problems := document.Decode("f", piece)
			n += len(docs)
			for _, p := range problems {
				p.Line += line
				got = append(got, p)
			}
			return nil
		})
		for i := range got {
			got[i].Document = want[min(i, len(want)-1)].Document // pieces do not count documents
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || n != len(good) {
			t.Errorf("%.60q: %d documents, want %d; %v; problems (-whole +pieces):\n%s", text, n, len(good), err, diff)
		}
	}
}

// What is said of a document names its place in the file, also beyond the first one.
func TestPlaces(t *testing.T) {
	t.Parallel()
	d := desk{t, storetest.NewMemory()}
	text := numbered(3, "a.example") + "---\nid: t00003\npolicy: {}\n"
	r := d.run(t.Context(), strings.NewReader(text), "apply", "-f", "-")
	want := "stdin:14:1: warning: hosts: without hosts the tenant is only found when envoy sends its id [tenant_no_hosts]\n"
	if !strings.HasPrefix(r.stderr, want) {
		t.Errorf("advice:\n%s", r.stderr)
	}
	text += "---\nid: t00001\npolicy: {}\n---\nid: t00002\nnope: 1\npolicy: {}\n"
	for command, want := range map[string]string{
		"apply": "stdin:6:1: error: id: \"t00001\": the document in stdin, line 17 has the same id, and none of them counts [id_taken]\n" +
			"    fix: remove it from one of the two\n" +
			"stdin:17:1: error: id: \"t00001\": the document in stdin, line 6 has the same id, and none of them counts [id_taken]\n" +
			"    fix: remove it from one of the two\nstdin:21:1: error: nope: ",
		"import": "stdin: error: id: \"t00001\": the id belongs to a document in stdin [id_taken]\nstdin:21:1: error: nope: ",
	} {
		if r := d.run(t.Context(), strings.NewReader(text), command, "-f", "-"); !strings.HasPrefix(r.stderr, want) {
			t.Errorf("%s:\n%s", command, r.stderr)
		}
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"plain", "", "a b", "it's", `"$HOME"`, "`x`", "a\nb", "*", "~", "-f", "{corsgate}:", "é", `\`, "!", "#", "a;b&c|d"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q becomes %s, which is %q (%v)", word, shellQuote(word), out, err)
		}
	}
}

func TestHostsAbove(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"API.acme.example:443": "api.acme.example *.acme.example *.example *",
		"localhost":            "localhost *",
		"*.acme.example":       "*.acme.example",
		"*":                    "*",
		"[::1]:80":             "[::1] *",
	} {
		got, err := hostsAbove(host)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v (%v), want %s", host, got, err, want)
		}
	}
	if _, err := hostsAbove("a b"); err == nil {
		t.Error("a host with a blank is one")
	}
}

// A bar on a terminal shows where it is, not more often than anybody can see, and goes away.
func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{out: &out}
	p.begin("comparing", 3000)
	for i := range 3000 {
		p.at(i + 1)
	}
	p.end()
	lines := strings.Split(out.String(), "\r\x1b[K")
	if len(lines) > 10+int(time.Minute/redrawEvery) || lines[1] != "comparing [                              ] 0/3000" ||
		lines[len(lines)-2] != "comparing [==============================] 3000/3000" || lines[len(lines)-1] != "" {
		t.Errorf("%q", out.String())
	}
	if p := newProgress(&out); p.out != nil {
		t.Error("a bar in what is no terminal")
	}
}

package statefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant/statefile"
)

// grown is a log, and the state of each of its commits with the place where it ends.
type grown struct {
	log    []byte
	header int
	ends   []int
	states []content
}

// grow makes a log of some commits.
func grow(t testing.TB) grown {
	t.Helper()
	dir := t.TempDir()
	header := statefile.HeaderLen(identity)
	g := grown{header: header, ends: []int{header}, states: []content{{Docs: docs()}}}
	for n, change := range []func(*statefile.File){
		func(f *statefile.File) { put(f, "a", 1); put(f, "b", 1) },
		func(f *statefile.File) { put(f, "a", 2); f.Delete("b") },
		func(*statefile.File) {},
		func(f *statefile.File) { put(f, "c", 1) },
	} {
		session(t, dir, func(f *statefile.File) {
			change(f)
			f.Commit(at(n + 1))
		})
		g.states = append(g.states, mustReload(t, dir))
		var err error
		if g.log, err = os.ReadFile(logPath(dir)); err != nil {
			t.Fatal(err)
		}
		g.ends = append(g.ends, len(g.log))
	}
	return g
}

// last is the number of commits that are whole in the first n bytes.
func (g *grown) last(n int) int {
	last := 0
	for i, end := range g.ends {
		if end <= n {
			last = i
		}
	}
	return last
}

// loadBytes loads a log.
func loadBytes(t testing.TB, dir string, log []byte) (content, error) {
	t.Helper()
	if err := os.WriteFile(logPath(dir), log, 0o600); err != nil {
		t.Fatal(err)
	}
	return reload(t, dir)
}

// usesTheRest lets a process run on a log, and checks that it continues from state.
func usesTheRest(t *testing.T, dir string, state content) {
	t.Helper()
	f := open(t, dir, nil)
	if got, _ := read(f); !cmp.Equal(got.Docs, state.Docs) {
		t.Fatalf("loaded another state: %s", cmp.Diff(state.Docs, got.Docs))
	}
	stop := start(t, f)
	put(f, "new", 1)
	f.Commit(at(99))
	stop()
	if info, err := os.Stat(logPath(dir)); err != nil || info.Size() != f.Status().Bytes {
		t.Fatalf("something is left behind the last commit: %d bytes instead of %d, %v", info.Size(), f.Status().Bytes, err)
	}
	after := content{Docs: docs("new", doc("new", 1)), Saved: at(99)}
	maps.Copy(after.Docs, state.Docs)
	want(t, mustReload(t, dir), after)
}

func TestEveryFlippedByte(t *testing.T) {
	t.Parallel()
	g := grow(t)
	bare := g.ends[3] - g.ends[2] // a commit without changes
	dir := t.TempDir()
	for i := range g.log {
		for _, flip := range []byte{1, 0x10, 0x80, 0xff} {
			log := bytes.Clone(g.log)
			log[i] ^= flip
			got, err := loadBytes(t, dir, log)
			expect := g.states[g.last(i)]
			isTail := i >= len(g.log)-bare
			if !isTail {
				expect.Saved.Complete = false
			}
			// Damage is told from a torn tail by a whole commit behind it.
			if i < g.header && err == nil || i >= g.header && isTail == errors.Is(err, statefile.ErrDamaged) {
				t.Fatalf("byte %d: error %v", i, err)
			}
			if diff := cmp.Diff(expect, got); diff != "" {
				t.Fatalf("byte %d of %d (-want +got):\n%s", i, len(log), diff)
			}
			if flip == 0x80 && i%7 == 0 {
				usesTheRest(t, dir, expect)
			}
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	g := grow(t)
	dir := t.TempDir()
	for n := range g.log {
		for name, log := range map[string][]byte{
			"cut": g.log[:n],
			// A file system may have made the file longer before the bytes arrived.
			"hole": append(bytes.Clone(g.log[:n]), make([]byte, len(g.log)-n)...),
		} {
			got, err := loadBytes(t, dir, log)
			if (n < g.header) != (err != nil) {
				t.Fatalf("%s at %d: error %v", name, n, err)
			}
			state := g.states[g.last(n)]
			if diff := cmp.Diff(state, got); diff != "" {
				t.Fatalf("%s at %d (-want +got):\n%s", name, n, diff)
			}
			if n%11 == 0 {
				usesTheRest(t, dir, state)
			}
		}
	}
}

func TestMovedRecords(t *testing.T) {
	t.Parallel()
	g, other := grow(t), grow(t)
	part := func(g grown, i int) []byte { return g.log[g.ends[i-1]:g.ends[i]] }
	header := g.log[:g.header]
	for _, test := range []struct {
		name string
		log  [][]byte
		want int
	}{
		{"as it was", [][]byte{header, part(g, 1), part(g, 2), part(g, 3), part(g, 4)}, 4},
		{"one dropped", [][]byte{header, part(g, 1), part(g, 3), part(g, 4)}, 1},
		{"the first dropped", [][]byte{header, part(g, 2)}, 0},
		{"one repeated", [][]byte{header, part(g, 1), part(g, 1), part(g, 2)}, 1},
		{"two exchanged", [][]byte{header, part(g, 1), part(g, 3), part(g, 2)}, 1},
		{"of another file", [][]byte{header, part(g, 1), part(other, 2)}, 1},
		{"of another file, from its first", [][]byte{header, part(other, 1)}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := loadBytes(t, t.TempDir(), bytes.Join(test.log, nil))
			expect := g.states[test.want]
			if test.want < 4 {
				expect.Saved.Complete = false
				if !errors.Is(err, statefile.ErrDamaged) {
					t.Errorf("error %v", err)
				}
			}
			want(t, got, expect)
		})
	}
}

func TestDamagedFileIsKept(t *testing.T) {
	t.Parallel()
	g := grow(t)
	dir := t.TempDir()
	log := bytes.Clone(g.log)
	log[g.ends[2]+3] ^= 1
	f := open(t, dir, nil)
	if err := os.WriteFile(logPath(dir), log, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(f); !errors.Is(err, statefile.ErrDamaged) {
		t.Fatalf("error %v", err)
	}
	if s := f.Status(); !errors.Is(s.Ignored, statefile.ErrDamaged) || s.Cut != int64(len(log)-g.ends[2]) || s.Loaded != 1 {
		t.Errorf("status %+v", s)
	}
	stop := start(t, f)
	eventually(t, func() bool { return f.Status().Bytes > 0 })
	stop()
	if kept, err := os.ReadFile(logPath(dir) + ".damaged"); err != nil || !bytes.Equal(kept, log) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
	expect := g.states[2]
	expect.Saved.Complete = false
	want(t, mustReload(t, dir), expect)
}

// TestDamageInALargeFile: what lies before the damage is used, although it was
// written in one go.
func TestDamageInALargeFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const tenants = 600
	session(t, dir, func(f *statefile.File) {
		for i := range tenants {
			f.Put(fmt.Sprintf("t%03d", i), bytes.Repeat([]byte{byte(i)}, 10_000))
		}
		f.Commit(at(1))
	})
	f := open(t, dir, nil)
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	f.CompactNow(t)
	want := mustReload(t, dir)
	log, err := os.ReadFile(logPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	damage := len(log) / 2
	log[damage] ^= 1
	got, err := loadBytes(t, dir, log)
	if !errors.Is(err, statefile.ErrDamaged) || got.Saved.Complete {
		t.Errorf("error %v, complete %v", err, got.Saved.Complete)
	}
	if len(got.Docs)*10_000 < damage-2*statefile.GroupSize {
		t.Errorf("only %d of %d documents before byte %d of %d", len(got.Docs), tenants, damage, len(log))
	}
	for id, data := range got.Docs {
		if data != want.Docs[id] {
			t.Errorf("another document of %s", id)
		}
	}
}

func FuzzLoad(f *testing.F) {
	g := grow(f)
	f.Add(g.log, 0)
	f.Add(g.log[:g.ends[2]], 5)
	f.Add([]byte{}, 0)
	ends := g.ends
	f.Fuzz(func(t *testing.T, tail []byte, cut int) {
		dir := t.TempDir()
		if cut < 0 || cut > len(tail) {
			cut = 0
		}
		// Anything at all, and anything behind a good beginning.
		if _, err := loadBytes(t, dir, tail[cut:]); err == nil && !bytes.HasPrefix(tail[cut:], []byte("cgtenant")) {
			t.Fatal("no error for what is no log")
		}
		begun := bytes.Clone(g.log[:ends[2]])
		for name, log := range map[string][]byte{
			"bytes":         append(begun[:ends[2]:ends[2]], tail[cut:]...),
			"a good record": statefile.AppendRecord(begun[:ends[2]:ends[2]], tail[cut:]),
		} {
			got, _ := loadBytes(t, dir, log)
			if !slices.ContainsFunc(g.states[2:], func(s content) bool { return cmp.Equal(s.Docs, got.Docs) }) {
				t.Fatalf("%s: a state that was never committed: %v", name, got)
			}
		}
	})
}

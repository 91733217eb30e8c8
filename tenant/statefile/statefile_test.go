package statefile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant/statefile"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "here")
	large := strings.Repeat("x", 2<<20)
	first := session(t, dir, func(f *statefile.File) {
		put(f, "a", 1)
		put(f, "b", 1)
		f.Put("large", []byte(large))
		f.Commit(at(1))
		put(f, "b", 2)
		f.Delete("a")
		f.Delete("never-there")
		f.Commit(at(2))
		put(f, "c", 1) // never committed
	})
	want(t, first, content{Docs: docs()})
	want(t, mustReload(t, dir), content{Docs: docs("b", doc("b", 2), "large", large), Saved: at(2)})

	session(t, dir, func(f *statefile.File) {
		put(f, "a", 3)
		f.Commit(store.Saved{Epoch: "", Position: store.Position{Time: 9}})
	})
	want(t, mustReload(t, dir), content{
		Docs:  docs("a", doc("a", 3), "b", doc("b", 2), "large", large),
		Saved: store.Saved{Position: store.Position{Time: 9}},
	})
	for name, mode := range map[string]os.FileMode{".": os.ModeDir | 0o700, statefile.LogName: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want mode %v", name, info.Mode(), err, mode)
		}
	}
}

func TestPutKeepsACopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	session(t, dir, func(f *statefile.File) {
		data := []byte("one")
		f.Put("a", data)
		copy(data, "two")
		f.Commit(at(1))
	})
	want(t, mustReload(t, dir), content{Docs: docs("a", "one"), Saved: at(1)})
}

func TestWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	valid := func(id string) bool { return id != "bad" }
	f := open(t, dir, func(o *statefile.Options) { o.MaxPending, o.ValidID = 3<<20, valid })
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		put(f, id, 1)
	}
	put(f, "bad", 1)
	put(f, "", 1)
	put(f, strings.Repeat("i", 64), 1)
	f.Commit(at(1))
	f.Put("a", bytes.Repeat([]byte("x"), 2<<20+1))
	f.Put("b", nil)
	for _, id := range []string{"x", "y", "c"} { // c no longer fits
		f.Put(id, bytes.Repeat([]byte("x"), 1<<20))
	}
	f.Commit(at(2))
	if got := f.Status().Lost; got != 3 {
		t.Errorf("%d tenants lost, want 3", got)
	}
	start(t, f)()
	incomplete := at(2)
	incomplete.Complete = false
	got := mustReload(t, dir)
	delete(got.Docs, "x")
	delete(got.Docs, "y")
	// A document that is too old is worse than none: nothing of a, b, c is left.
	want(t, got, content{Docs: docs(), Saved: incomplete})

	f = open(t, dir, nil)
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	f.Put("a", nil)
	f.Commit(at(3))
	put(f, "a", 4)
	f.Commit(at(4))
	start(t, f)()
	if got := mustReload(t, dir).Saved; got != normal(at(4)) {
		t.Errorf("after what was lost came back: %+v", got)
	}
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	session(t, other, func(f *statefile.File) {
		put(f, "theirs", 1)
		f.Commit(at(1))
	})
	theirs, err := os.ReadFile(logPath(other))
	if err != nil {
		t.Fatal(err)
	}
	version := bytes.Clone(theirs)
	version[8]++
	for _, test := range []struct {
		name string
		put  func(path string) error
		want error
	}{
		{"another store", func(p string) error { return os.WriteFile(p, theirs, 0o600) }, statefile.ErrIdentity},
		{"another version", func(p string) error { return os.WriteFile(p, version, 0o600) }, statefile.ErrFormat},
		{"another format", func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("no log\n"), 99), 0o600) }, statefile.ErrFormat},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }, statefile.ErrDamaged},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }, statefile.ErrFormat},
		{"a link", func(p string) error { return os.Symlink(logPath(other), p) }, statefile.ErrFormat},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := test.put(logPath(dir)); err != nil {
				t.Fatal(err)
			}
			f := open(t, dir, func(o *statefile.Options) { o.Identity = "another" })
			c, err := read(f)
			if !errors.Is(err, test.want) || !errors.Is(f.Status().Ignored, test.want) {
				t.Errorf("error %v, status %v, want %v", err, f.Status().Ignored, test.want)
			}
			want(t, c, content{Docs: docs()})
			stop := start(t, f)
			put(f, "ours", 1)
			f.Commit(at(5))
			stop()
			got, err := read(open(t, dir, func(o *statefile.Options) { o.Identity = "another" }))
			if err != nil {
				t.Fatal(err)
			}
			want(t, got, content{Docs: docs("ours", doc("ours", 1)), Saved: at(5)})
			if _, err := os.Lstat(logPath(dir) + ".ignored"); err != nil {
				t.Errorf("not kept aside: %v", err)
			}
		})
	}
	if now, err := os.ReadFile(logPath(other)); err != nil || !bytes.Equal(now, theirs) {
		t.Error("the file behind a link was changed")
	}
}

func TestIdsThatNoTenantCanHaveAreNotLoaded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	session(t, dir, func(f *statefile.File) {
		put(f, "good", 1)
		put(f, "bad", 1)
		f.Commit(at(1))
	})
	got, err := read(open(t, dir, func(o *statefile.Options) { o.ValidID = func(id string) bool { return id == "good" } }))
	if err != nil {
		t.Fatal(err)
	}
	incomplete := at(1)
	incomplete.Complete = false
	want(t, got, content{Docs: docs("good", doc("good", 1)), Saved: incomplete})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := statefile.New(statefile.Options{Identity: strings.Repeat("x", 1025)})
	if err == nil || !strings.Contains(err.Error(), "no directory") || !strings.Contains(err.Error(), "1025 bytes") {
		t.Errorf("not all that is wrong is said: %v", err)
	}
}

func TestLongWordsOfAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir, nil)
	if _, err := read(f); err != nil {
		t.Fatal(err)
	}
	stop := start(t, f)
	put(f, "a", 1)
	f.Commit(at(1))
	put(f, "a", 2)
	bad := at(2)
	bad.Epoch = strings.Repeat("e", 1025)
	f.Commit(bad)
	stop()
	if f.Status().Errors != 1 {
		t.Errorf("errors: %+v", f.Status())
	}
	want(t, mustReload(t, dir), content{Docs: docs("a", doc("a", 1)), Saved: at(1)})
}

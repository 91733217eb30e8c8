package files_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// doc is a document whose every proper prefix is broken: its policy comes last,
// and needs its closing brace.
func doc(id string, hosts ...string) string {
	return fmt.Sprintf("id: %s\nhosts: [%s]\npolicy: {origins: [\"https://app.%s.example\"]}\n", id, strings.Join(hosts, ", "), id)
}

// whole ends a text with the mark of a whole file.
func whole(text string) string { return text + "...\n" }

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace writes a file beside name and renames it over name, as editors do.
func replace(t *testing.T, dir, name, content string) {
	t.Helper()
	write(t, dir, ".tmp", content)
	rename(t, filepath.Join(dir, ".tmp"), filepath.Join(dir, name))
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// live is a store that runs until the test ends.
type live struct {
	*files.Store
	t       *testing.T
	reports atomic.Int64
}

// start runs a store. The poll is far away, so that what is seen is seen by
// notification.
func start(t *testing.T, path string, change func(*files.Options)) *live {
	t.Helper()
	l := &live{t: t}
	opt := files.Options{
		Path: path, Debounce: 20 * time.Millisecond, Settle: 20 * time.Millisecond, Poll: time.Hour,
		OnReload: func(files.Report) { l.reports.Add(1) },
	}
	if change != nil {
		change(&opt)
	}
	var err error
	if l.Store, err = files.New(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
	})
	l.until("the first reload", func() bool { return l.reports.Load() > 0 })
	return l
}

// until waits for a condition.
func (l *live) until(what string, holds func() bool) {
	l.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			l.t.Fatalf("%s: not after 10 s; status: %+v", what, l.Status())
		}
	}
}

// owner is who has host: an id, or the freshness of nobody.
func (l *live) owner(host string) string {
	v := l.Lookup(l.t.Context(), tenant.Key{Authority: host})
	if v.Freshness != tenant.Live {
		return v.Freshness.String()
	}
	return v.ID()
}

func (l *live) untilOwner(host, want string) {
	l.t.Helper()
	l.until(fmt.Sprintf("%s belongs to %s", host, want), func() bool { return l.owner(host) == want })
}

func (l *live) wantOwner(host, want string) {
	l.t.Helper()
	if got := l.owner(host); got != want {
		l.t.Errorf("%s belongs to %q, want %q; status: %+v", host, got, want, l.Status())
	}
}

func (l *live) untilProblem(code policy.Code, file string) {
	l.t.Helper()
	l.until(fmt.Sprintf("problem %s in %s", code, file), func() bool {
		return slices.ContainsFunc(l.Status().Problems, func(p document.Problem) bool {
			return p.Code == code && filepath.Base(p.File) == file
		})
	})
}

func TestChangeIsLiveInUnderASecond(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("a", "a.example"))
	l := start(t, dir, func(o *files.Options) { o.Debounce, o.Settle = 0, time.Hour })
	l.wantOwner("a.example", "a")

	begin := time.Now()
	replace(t, dir, "a.yaml", doc("a", "a.example", "new.example"))
	l.untilOwner("new.example", "a")
	if took := time.Since(begin); took > time.Second {
		t.Errorf("a change was live after %v, want under 1 s", took)
	}

	replace(t, dir, "a.yaml", doc("a", "renamed.example"))
	l.untilOwner("renamed.example", "a")
	l.wantOwner("a.example", "unknown")

	write(t, dir, "b.json", `{"id":"b","hosts":["b.example"],"policy":{"origins":["https:\/\/b.example"]}}`)
	l.untilOwner("b.example", "b")
	if r := l.Status(); r.Files != 2 || r.Tenants != 2 || len(r.Problems) != 0 || !r.Ready() {
		t.Errorf("status is %+v, want 2 files, 2 tenants, no problem", r)
	}
}

func TestConfigMapSwap(t *testing.T) {
	dir := t.TempDir()
	// The layout that the kubelet makes: a.yaml → ..data/a.yaml, ..data → ..first.
	publish := func(generation, content string) {
		if err := os.Mkdir(filepath.Join(dir, generation), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, generation), "a.yaml", content)
		if err := os.Symlink(generation, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		rename(t, filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))
	}
	publish("..first", doc("a", "first.example"))
	if err := os.Symlink(filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "a.yaml")} {
		t.Run("mounted as "+filepath.Base(path), func(t *testing.T) {
			l := start(t, path, nil)
			for i := range 3 {
				generation := fmt.Sprintf("..%s-%d", filepath.Base(path), i)
				host := fmt.Sprintf("swap%d.example", i)
				publish(generation, doc("a", host))
				l.untilOwner(host, "a")
				if r := l.Status(); r.Files != 1 || len(r.Problems) != 0 {
					t.Errorf("status is %+v, want one file and no problem", r)
				}
			}
		})
	}
}

func TestRemoval(t *testing.T) {
	t.Run("fault F93: a removed file takes its tenants along, the last one does not", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "a.yaml", doc("a", "a.example"))
		write(t, dir, "b.yaml", doc("b", "b.example"))
		l := start(t, dir, nil)
		remove(t, dir, "b.yaml")
		l.untilOwner("b.example", "unknown")
		l.wantOwner("a.example", "a")
		remove(t, dir, "a.yaml")
		l.untilProblem("files_missing", filepath.Base(dir))
		l.wantOwner("a.example", "a")
		write(t, dir, "c.yaml", whole(doc("c", "c.example")))
		l.untilOwner("c.example", "c")
		l.untilOwner("a.example", "unknown")
	})
	t.Run("fault F93: what is left has no good document", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "a.yaml", doc("a", "a.example"))
		write(t, dir, "b.yaml", "id: b\nhosts: [b.example]\n")
		l := start(t, dir, nil)
		l.wantOwner("b.example", "unreadable")
		remove(t, dir, "a.yaml")
		l.untilProblem("files_without_tenants", filepath.Base(dir))
		l.wantOwner("a.example", "a")
	})
	t.Run("fault F93: the directory is gone and comes back", func(t *testing.T) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "tenants")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "a.yaml", doc("a", "a.example"))
		l := start(t, dir, nil)
		rename(t, dir, dir+".away")
		l.untilProblem("file_unreadable", "tenants")
		l.wantOwner("a.example", "a")

		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "a.yaml", doc("a", "a.example", "back.example"))
		l.untilOwner("back.example", "a")
		write(t, dir, "a.yaml", whole(doc("a", "again.example")))
		l.untilOwner("again.example", "a")
	})
}

// A directory that was exchanged has another inode: a watch on the old one hears nothing.
func TestExchangedDirectoryIsWatched(t *testing.T) {
	parent := t.TempDir()
	dir, spare := filepath.Join(parent, "tenants"), filepath.Join(parent, "spare")
	for _, d := range []string{dir, spare} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "a.yaml", doc("a", "old.example"))
	write(t, spare, "a.yaml", doc("a", "new.example"))
	l := start(t, dir, nil)
	rename(t, dir, dir+".away")
	rename(t, spare, dir)
	l.untilOwner("new.example", "a")
	write(t, dir, "a.yaml", whole(doc("a", "newer.example")))
	l.untilOwner("newer.example", "a")
}

func TestPathThatComesLater(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "tenants")
	l := start(t, dir, nil)
	l.wantOwner("a.example", "unavailable")
	if err := l.Load(); !errors.Is(err, files.ErrNoTenants) {
		t.Errorf("Load is %v, want ErrNoTenants", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.yaml", doc("a", "a.example"))
	l.untilOwner("a.example", "a")
}

func TestPollFindsWhatNotificationsDoNot(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.yaml")
	write(t, dir, "a.yaml", doc("a", "a.example"))
	if err := os.Mkdir(filepath.Join(dir, "ignored"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := start(t, dir, func(o *files.Options) { o.Poll = 5 * time.Millisecond; o.Debounce = time.Hour })
	write(t, dir, "a.yaml", whole(doc("a", "polled.example")))
	l.untilOwner("polled.example", "a")
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.yaml", whole(doc("a", "polle2.example"))) // same size
	l.untilOwner("polle2.example", "a")
}

// Two writes can share the stamp of a coarse clock.
func TestChangeWithTheSameStampIsFound(t *testing.T) {
	dir := t.TempDir()
	s, err := files.New(files.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	stamp := time.Now()
	for _, host := range []string{"first.example", "other.example"} {
		write(t, dir, "a.yaml", whole(doc("a", host)))
		if err := os.Chtimes(filepath.Join(dir, "a.yaml"), stamp, stamp); err != nil {
			t.Fatal(err)
		}
		if err := s.Load(); err != nil {
			t.Fatal(err)
		}
		if v := s.Lookup(t.Context(), tenant.Key{Authority: host}); v.ID() != "a" {
			t.Errorf("%s belongs to %q, want a; status: %+v", host, v.ID(), s.Status())
		}
	}
}

func TestWhatIsRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yml", doc("a", "a.example"))
	write(t, dir, ".hidden.yaml", doc("hidden", "hidden.example"))
	write(t, dir, "a.yaml~", doc("backup", "backup.example"))
	write(t, dir, "README.md", "# not a document")
	if err := os.Mkdir(filepath.Join(dir, "deeper.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "deeper.yaml"), "b.yaml", doc("deeper", "deeper.example"))
	snapshot, docs, err := files.Load(dir)
	if err != nil || snapshot.Tenants() != 1 || len(docs) != 1 {
		t.Fatalf("Load gave %d tenants, %d documents and %v, want one, one and nil", snapshot.Tenants(), len(docs), err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.yaml")); err != nil {
		t.Fatal(err)
	}
	snapshot, _, err = files.Load(dir)
	if snapshot.Tenants() != 1 || err == nil || !strings.Contains(err.Error(), "dangling.yaml") {
		t.Errorf("with a dangling link Load gave %d tenants and %v", snapshot.Tenants(), err)
	}
}

func TestLoadReportsEverything(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", "id: a\n---\nid: b\n")
	_, _, err := files.Load(dir)
	problems, ok := errors.AsType[document.Problems](err)
	if !errors.Is(err, files.ErrNoTenants) || !ok || len(problems) != 2 {
		t.Errorf("Load failed with %v, want ErrNoTenants and two problems", err)
	}
	if _, _, err := files.Load(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a missing path failed with %v, want os.ErrNotExist", err)
	}
	if _, err := files.New(files.Options{}); err == nil {
		t.Error("New without a path did not fail")
	}
}

package statefile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/tenant/statefile"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const identity = "{corsgate}: single"

// content is all that a load gives.
type content struct {
	Docs  map[string]string
	Saved store.Saved
}

// at is the n-th commit.
func at(n int) store.Saved {
	return store.Saved{
		Epoch: "e1", Confirmed: "c1", Position: store.Position{Time: uint64(n), Sequence: 7},
		At: time.Unix(1_700_000_000+int64(n), 5), Complete: true,
	}
}

// saved says what s is without the wall clock's zone.
func normal(s store.Saved) store.Saved {
	if !s.At.IsZero() {
		s.At = s.At.UTC()
	} else {
		s.At = time.Time{}
	}
	return s
}

func open(t testing.TB, dir string, change func(*statefile.Options)) *statefile.File {
	t.Helper()
	opt := statefile.Options{Dir: dir, Identity: identity, BytesPerSecond: 1 << 40}
	if change != nil {
		change(&opt)
	}
	f, err := statefile.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read loads f.
func read(f *statefile.File) (content, error) {
	c := content{Docs: map[string]string{}}
	var kept [][]byte
	var ids []string
	s, err := f.Load(func(id string, data []byte) {
		kept, ids = append(kept, data), append(ids, id)
	})
	for i, id := range ids {
		c.Docs[id] = string(kept[i]) // only now: what was given must still be the same
	}
	c.Saved = normal(s)
	return c, err
}

// reload is what a process that starts now would load.
func reload(t testing.TB, dir string) (content, error) {
	t.Helper()
	return read(open(t, dir, nil))
}

func mustReload(t testing.TB, dir string) content {
	t.Helper()
	c, err := reload(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func want(t testing.TB, got, want content) {
	t.Helper()
	want.Saved = normal(want.Saved)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("loaded (-want +got):\n%s", diff)
	}
}

// start runs f, which must have been loaded; the returned function ends it.
func start(t testing.TB, f *statefile.File) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// session loads dir, makes changes, and ends.
func session(t testing.TB, dir string, change func(*statefile.File)) content {
	t.Helper()
	f := open(t, dir, nil)
	c, err := read(f)
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, f)
	change(f)
	stop()
	if s := f.Status(); s.Errors != 0 {
		t.Fatalf("errors: %v", s.LastError)
	}
	return c
}

func doc(id string, n int) string { return fmt.Sprintf(`{"id":%q,"revision":"%d"}`, id, n) }

func put(f *statefile.File, id string, n int) { f.Put(id, []byte(doc(id, n))) }

// copyDir copies the files of one directory to a new one.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), b, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return to
}

func logPath(dir string) string { return filepath.Join(dir, statefile.LogName) }

func docs(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// eventually waits for a condition.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-limit:
			t.Fatal("waited in vain")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

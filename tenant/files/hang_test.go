package files_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
)

func TestWhatIsNoFileIsNotRead(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("b.yaml", doc("b", "b.example"))
		if err := syscall.Mkfifo(filepath.Join(b.dir, "a.yaml"), 0o600); err != nil {
			b.Fatal(err)
		}
		b.look()
		b.want(map[string]string{"b.example": "b"})
		b.problems("a.yaml file_unreadable")
		b.remove("a.yaml")
		b.replace("b.yaml", doc("b", "b2.example"))
		b.settle()
		b.want(map[string]string{"b2.example": "b"})
		b.problems()
	})
}

// hang makes reads of a file wait until the function that it returns is called.
func hang(s *files.Store, name string) (release func()) {
	answers := make(chan struct{})
	s.BeforeRead(func(n string) {
		if n == name {
			<-answers
		}
	})
	return func() { close(answers) }
}

// Files that answer late, but do, are read, however many there are.
func TestSlowFiles(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		for i := range 20 {
			b.write(fmt.Sprintf("t%d.yaml", i), doc(fmt.Sprint("t", i), fmt.Sprintf("t%d.example", i)))
		}
		b.BeforeRead(func(string) { <-time.After(time.Second) })
		b.look()
		b.problems()
		b.want(map[string]string{"t0.example": "t0", "t19.example": "t19"})
	})
}

// TestFileThatHangs has a read that does not end: the other files are read, and who asks for the status, looks a tenant
// up or stops the store does not wait.
func TestFileThatHangs(t *testing.T) {
	inDirectory(t, files.Options{Poll: time.Minute}, func(b *bench) {
		b.write("a.yaml", doc("a", "a.example"))
		b.write("b.yaml", doc("b", "b.example"))
		b.look()
		release := hang(b.Store, filepath.Join(b.dir, "a.yaml"))
		b.replace("b.yaml", doc("b", "b2.example"))
		looked := make(chan struct{})
		go func() { b.look(); close(looked) }()
		synctest.Wait()
		began := time.Now()
		b.want(map[string]string{"a.example": "a"})
		b.problems()
		_ = b.Stats()
		if took := time.Since(began); took != 0 {
			b.Errorf("who asks waits for %v", took)
		}
		<-looked
		b.want(map[string]string{"a.example": "a", "b2.example": "b"})
		b.told(files.CodeFile, "a.yaml", "has not answered in time")
		b.kept("a.yaml")

		b.replace("b.yaml", doc("b", "b3.example"))
		began = time.Now()
		b.look()
		if took := time.Since(began); took > time.Second {
			b.Errorf("the second look waits %v for what has not answered before", took)
		}
		b.want(map[string]string{"b3.example": "b"})

		release()
		synctest.Wait()
		b.look()
		b.problems()
		b.kept()
	})
}

func TestStoppedWhileAFileHangs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("a", "a.example"))
	s, err := files.New(files.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	release := hang(s, filepath.Join(dir, "a.yaml"))
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	began := time.Now()
	cancel()
	if err := <-ended; err != nil || time.Since(began) > time.Second {
		t.Errorf("Run ended with %v after %v", err, time.Since(began))
	}
	if v := s.Lookup(t.Context(), tenant.Key{Authority: "a.example"}); v.Freshness != tenant.Unavailable || strings.Contains(s.Status().Problems.Error(), "answered") {
		t.Errorf("what was not read in time is told as %v, %v", v.Freshness, s.Status().Problems)
	}
}

package boundedfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/internal/boundedfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, pipe, link := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		max        int64
		want       error
	}{
		{"a file", file, 5, nil},
		{"a link to it", link, 5, nil},
		{"a byte too many", file, 4, boundedfile.ErrTooLarge},
		{"a pipe that nobody writes to", pipe, 5, boundedfile.ErrNotRegular},
		{"a device that never ends", "/dev/zero", 5, boundedfile.ErrNotRegular},
		{"a directory", dir, 5, syscall.EISDIR},
		{"nothing", filepath.Join(dir, "absent"), 5, fs.ErrNotExist},
	} {
		data, err := boundedfile.Read(c.path, c.max, time.Minute)
		if !errors.Is(err, c.want) || (err == nil) != (string(data) == "12345") {
			t.Errorf("%s: %q, %v; want %v", c.name, data, err, c.want)
		}
	}
}

// TestHangingCall has a file system that does not answer: those who ask are told in time, one goroutine waits, and
// other files are read.
func TestHangingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r boundedfile.Reader
		var calls atomic.Int64
		answers := make(chan struct{})
		hangs := func() (string, error) {
			calls.Add(1)
			<-answers
			return "late", nil
		}
		began := time.Now()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if got, err := boundedfile.Do(ctx, &r, "a", hangs); got != "" || !errors.Is(err, boundedfile.ErrTimeout) {
				t.Errorf("a: %q, %v; want ErrTimeout", got, err)
			}
			cancel()
		}
		if took := time.Since(began); took != 3*time.Second || calls.Load() != 1 || !r.Busy("a") {
			t.Errorf("three reads took %v, made %d calls; want 3 s, one call that has not ended", took, calls.Load())
		}
		if got, err := boundedfile.Do(t.Context(), &r, "b", func() (string, error) { return "now", nil }); got != "now" || err != nil {
			t.Errorf("b: %q, %v", got, err)
		}
		close(answers)
		synctest.Wait()
		if got, err := boundedfile.Do(t.Context(), &r, "a", hangs); got != "late" || err != nil || calls.Load() != 2 {
			t.Errorf("a, when it answers: %q, %v in call %d; want the second", got, err, calls.Load())
		}
	})
}

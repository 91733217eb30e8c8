package app

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenOnSocket(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string // part of the error; "" for none
	}{
		{"nothing is there", func(*testing.T, string) {}, ""},
		{"a socket that nobody listens on is replaced", leaveStale, ""},
		{"a socket that somebody listens on is left alone", keepListening, "another process listens there"},
		{"another kind of file is left alone", writeFile, "is not a socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tt.prepare(t, path)
			l, err := listen(t.Context(), "unix:"+path)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want one that says %q", err, tt.want)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("the file is gone: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode(), fs.ModeSocket|0o660; got != want {
				t.Errorf("mode %v, want %v", got, want)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("the socket is still there after closing: %v", err)
			}
		})
	}
}

// leaveStale leaves what a killed process leaves.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l := unixListener(t, path)
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func keepListening(t *testing.T, path string) {
	t.Helper()
	l := unixListener(t, path)
	t.Cleanup(func() { _ = l.Close() })
}

func unixListener(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	unix, ok := l.(*net.UnixListener)
	if !ok {
		t.Fatalf("a %T", l)
	}
	return unix
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
}

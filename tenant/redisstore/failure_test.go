package redisstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant/store"
)

// serve answers every command with one line, but for those that come first: HELLO and CLUSTER.
func serve(t *testing.T, line string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					text, err := r.ReadString('\n')
					if err != nil {
						return
					}
					var n int // of "*n"
					if _, err := fmt.Sscanf(text, "*%d", &n); err != nil {
						return
					}
					name := ""
					for i := range 2 * n {
						if text, err = r.ReadString('\n'); err != nil {
							return
						}
						if i == 1 {
							name = strings.ToLower(strings.TrimSpace(text))
						}
					}
					reply := line
					switch {
					case name == "hello" && !strings.Contains(line, "HELLO"):
						reply = "*0"
					case name == "cluster": // all slots are here
						_, port, _ := net.SplitHostPort(l.Addr().String())
						reply = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + port
					}
					if _, err := io.WriteString(conn, reply+"\r\n"); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRepliesAreClassified(t *testing.T) {
	tests := []struct {
		reply string
		want  ErrorType
		fails bool // the server, and not only the command
	}{
		{"+OK", "", false},
		{"$-1", "", false},
		{"-ERR no such key", "", false},
		{"-WRONGTYPE Operation against a key holding the wrong kind of value", ErrorWrongType, false},
		{"-NOPERM User reader has no permissions", ErrorPermission, false},
		{"-LOADING Redis is loading the dataset in memory", ErrorLoading, true},
		{"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", ErrorReplica, true},
		{"-READONLY You can't write against a read only replica.", ErrorReplica, true},
		{"-CLUSTERDOWN Hash slot not served", ErrorClusterDown, true},
		{"-BUSY Redis is busy running a script.", ErrorBusy, true},
		{"-ERR max number of clients reached", ErrorConnection, true},
		{"-NOAUTH Authentication required.", ErrorLogin, true},
		{"-WRONGPASS invalid username-password pair or user is disabled.", ErrorLogin, true},
		{"-OOM command not allowed when used memory > 'maxmemory'.", ErrorWrite, false},
		{"-MISCONF Errors writing to the AOF file", ErrorWrite, false},
		{"-MOVED 1 127.0.0.1:1", ErrorRedirect, true},
		{"-EXECABORT Transaction discarded because of previous errors.", ErrorConflict, false},
		{"-ERR syntax error", ErrorOther, false},
	}
	for _, tt := range tests {
		s, err := New(Options{Addresses: []string{serve(t, tt.reply)}})
		if err != nil {
			t.Fatal(err)
		}
		err = s.rdb.Get(t.Context(), "x").Err()
		if got := classify(t.Context(), err); got != tt.want || got.failed() != tt.fails {
			t.Errorf("%s: %q, which is a failure of the server: %t", tt.reply, got, got.failed())
		}
		_ = s.Close()
	}
}

// The library panics on the length of an array that is none.
func TestPanicsAreErrors(t *testing.T) {
	for _, cluster := range []bool{false, true} {
		s, err := New(Options{Addresses: []string{serve(t, ":-1")}, Cluster: cluster})
		if err != nil {
			t.Fatal(err)
		}
		_, head := s.Head(t.Context())
		docs, err := s.Documents(t.Context(), []string{"a"})
		if head == nil || err == nil {
			t.Errorf("cluster %t: head %v, documents %+v, %v", cluster, head, docs, err)
		}
		_ = s.Close()
	}
}

func TestFailuresAreClassified(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	closed := &net.OpError{Op: "read", Err: net.ErrClosed}
	tests := []struct {
		ctx  context.Context
		err  error
		want ErrorType
	}{
		{t.Context(), nil, ""},
		{t.Context(), io.EOF, ErrorConnection},
		{t.Context(), closed, ErrorConnection},
		{canceled, closed, ErrorCanceled},
		{t.Context(), context.DeadlineExceeded, ErrorTimeout},
		{t.Context(), fmt.Errorf("x: %w", os.ErrDeadlineExceeded), ErrorTimeout},
		{t.Context(), redis.ErrPoolTimeout, ErrorPool},
		{t.Context(), redis.TxFailedErr, ErrorConflict},
		{t.Context(), &loginError{io.EOF}, ErrorLogin},
	}
	for _, tt := range tests {
		if got := classify(tt.ctx, tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

// A server that repeats what it is sent makes no secret public.
func TestNoErrorShowsAPassword(t *testing.T) {
	const secret = "s3cret-word"
	for _, line := range []string{
		"-ERR unknown command 'HELLO', with args beginning with: '2' 'AUTH' 'reader' '" + secret + "'",
		"-WRONGPASS HELLO " + secret,
	} {
		for _, user := range []string{"", "reader"} {
			s, err := New(Options{
				Addresses: []string{serve(t, line)}, Username: user,
				Password: func() (string, error) { return secret, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Head(t.Context())
			_, changes := s.Changes(t.Context(), store.Position{}, 1, 1)
			for _, err := range []error{err, changes} {
				if err == nil || strings.Contains(fmt.Sprintf("%+v", err), secret) {
					t.Errorf("the error is %v", err)
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					if strings.Contains(e.Error(), secret) {
						t.Errorf("a cause is %v", e)
					}
				}
			}
			_ = s.Close()
		}
	}
}

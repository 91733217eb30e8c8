package redisstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/redis/go-redis/v9"
)

func TestReplies(t *testing.T) {
	const cut = 8
	same := "+OK\r\n:1\r\n$3\r\n\r\n$\r\n$0\r\n\r\n$-1\r\n*2\r\n*-1\r\n*0\r\n-ERR x\r\n$8\r\n12345678\r\n$4\r\n$99\r\r\n"
	long := "$19\r\n$999\r\nxxx\r\n99999999\r\n"
	tests := []struct {
		name, sent, want string
		ok               bool
	}{
		{"replies of every kind stay", same, same, true},
		{"a long string is cut", long + "+OK\r\n", "$8\r\n$999\r\nxx\r\n+OK\r\n", true},
		{"among others", "*2\r\n" + long + "$1\r\nx\r\n", "*2\r\n$8\r\n$999\r\nxx\r\n$1\r\nx\r\n", true},
		{"a much longer one", "$1000000\r\n" + strings.Repeat("x", 1e6) + "\r\n:1\r\n", "$8\r\nxxxxxxxx\r\n:1\r\n", true},
		{"a string that cannot end", "$99999999999999999999999999999\r\n", "", false},
		{"an array too long", "*1048577\r\n", "", false},
		{"an array much too long", "*99999999999999999999999999999\r\n", "", false},
		{"arrays in arrays", strings.Repeat("*1000\r\n", 1049), strings.Repeat("*1000\r\n", 1048), false},
		{"a line without end", "+" + strings.Repeat("x", 64<<10+1), "", false},
		{"no length", "$\n", "", false},
		{"half the end of a line", "$-10\n", "", false},
		{"a kind of RESP 3", "%1\r\n+a\r\n+b\r\n", "", false},
		{"no protocol", "HTTP/1.1 400 Bad Request\r\n", "", false},
		{"an empty line", "\r\n", "", false},
	}
	for _, tt := range tests {
		for name, conn := range map[string]io.Reader{
			"at once": strings.NewReader(tt.sent), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.sent)),
		} {
			got, err := io.ReadAll(newReplies(conn, cut))
			if string(got) != tt.want || (err == nil) != tt.ok {
				t.Errorf("%s, %s: %.80q, %v; want %.80q", tt.name, name, got, err, tt.want)
			}
		}
	}
}

// What is there is passed on without waiting for more.
func TestRepliesDoNotWait(t *testing.T) {
	conn, server := io.Pipe()
	defer server.Close()
	go func() { _, _ = server.Write([]byte("+OK\r\n$5\r\nab")) }()
	r := newReplies(conn, 100)
	got := make([]byte, 100)
	n := 0
	for n < len("+OK\r\n$5\r\nab") {
		m, err := r.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got[:n]) != "+OK\r\n$5\r\nab" {
		t.Errorf("%q", got[:n])
	}
}

// Each request has the bound for itself.
func TestElementsOfARequest(t *testing.T) {
	c := &connection{Conn: sink{}, replies: newReplies(strings.NewReader(strings.Repeat("*1000000\r\n", 3)), 1)}
	got := make([]byte, len("*1000000\r\n"))
	for range 3 {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, got); err != nil {
			t.Error(err)
		}
	}
}

type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// Where replies are divided does not matter, and no string is longer than the cut.
func FuzzReplyBytes(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nabc\r\n:1\r\n"))
	f.Add([]byte("$-1\r\n*-1\r\n$1\n\r\r\n$20\r\n12345678901234567890\r\n:1\r\n"))
	f.Fuzz(func(t *testing.T, replies []byte) {
		const cut = 8
		whole, wholeErr := io.ReadAll(newReplies(bytes.NewReader(replies), cut))
		parts, partsErr := io.ReadAll(newReplies(iotest.OneByteReader(bytes.NewReader(replies)), cut))
		if (wholeErr == nil) != (partsErr == nil) || !bytes.Equal(whole, parts) {
			t.Errorf("whole: %q, %v; byte by byte: %q, %v", whole, wholeErr, parts, partsErr)
		}
		again, err := io.ReadAll(newReplies(bytes.NewReader(whole), cut))
		if !bytes.Equal(whole, again) {
			t.Errorf("%q becomes %q, %v", whole, again, err)
		}
	})
}

// A panic in the middle of a pipeline leaves no command behind that seems to have succeeded.
func TestRescue(t *testing.T) {
	cmds := []redis.Cmder{redis.NewIntCmd(t.Context(), "a"), redis.NewIntCmd(t.Context(), "b")}
	cmds[0].SetErr(errors.New("a reply"))
	err := rescuer{}.ProcessPipelineHook(func(context.Context, []redis.Cmder) error {
		return cmds[len(cmds)].Err()
	})(t.Context(), cmds)
	if err == nil || cmds[1].Err() == nil {
		t.Errorf("the pipeline ends with %v, its last command with %v", err, cmds[1].Err())
	}
}

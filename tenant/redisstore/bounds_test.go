package redisstore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestBounds(t *testing.T) {
	tests := []struct {
		name, replies string
		ok            bool
	}{
		{"replies of every kind", "+OK\r\n:1\r\n$3\r\n\r\n$\r\n$0\r\n\r\n$-1\r\n*2\r\n*-1\r\n*0\r\n-ERR x\r\n_\r\n,1.5\r\n#t\r\n(123\r\n!2\r\nxx\r\n=4\r\ntxt:\r\n%1\r\n+a\r\n+b\r\n", true},
		{"the largest string", "$2097152\r\n" + strings.Repeat("x", 2<<20) + "\r\n+OK\r\n", true},
		{"what looks like a length inside of a string", "$16\r\n$999999999999999\r\n+OK\r\n", true},
		{"a string too long", "$2097153\r\n", false},
		{"a string much too long", "$99999999999999999999999999999\r\n", false},
		{"an array too long", "*1048577\r\n", false},
		{"an array much too long", "*99999999999999999999999999999\r\n", false},
		{"arrays in arrays", strings.Repeat("*1000\r\n", 1049), false},
		{"a line without end", "+" + strings.Repeat("x", 64<<10+1), false},
		{"a map too long", "%1048577\r\n", false},
		{"no protocol", "HTTP/1.1 400 Bad Request\r\n", false},
	}
	for _, tt := range tests {
		for _, step := range []int{1, 7, 1 << 30} {
			if step == 1 && len(tt.replies) > 1<<20 {
				continue
			}
			var b bounds
			var err error
			for rest := []byte(tt.replies); len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				err, rest = b.read(rest[:n]), rest[n:]
			}
			if (err == nil) != tt.ok {
				t.Errorf("%s, %d bytes at once: %v", tt.name, step, err)
			}
			if tt.ok && b.in != inType {
				t.Errorf("%s, %d bytes at once: ends inside of a reply", tt.name, step)
			}
		}
	}
	var b bounds
	for range 3 { // each request has the bounds for itself
		b.request()
		if err := b.read([]byte("*1000000\r\n")); err != nil {
			t.Error(err)
		}
	}
}

// Where replies are cut does not matter.
func FuzzBounds(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nabc\r\n:1\r\n"), uint8(3))
	f.Add([]byte("$-1\r\n*-1\r\n$1\n\r\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, replies []byte, at uint8) {
		var whole, parts bounds
		want := whole.read(replies)
		cut := min(int(at), len(replies))
		got := parts.read(replies[:cut])
		if got == nil {
			got = parts.read(replies[cut:])
		}
		if (want == nil) != (got == nil) || want == nil && whole != parts {
			t.Errorf("whole: %v %+v; cut: %v %+v", want, whole, got, parts)
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

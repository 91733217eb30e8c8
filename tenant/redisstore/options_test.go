package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/redisstore"
)

func TestOptionsProblems(t *testing.T) {
	word := func() (string, error) { return "s3cret", nil }
	tests := []struct {
		name string
		opt  redisstore.Options
		want []string // parts of lines, one a problem
	}{
		{name: "one server", opt: redisstore.Options{Addresses: []string{"redis.example:6379"}}},
		{name: "a socket", opt: redisstore.Options{Network: "unix", Addresses: []string{"/run/redis.sock"}, DB: 3}},
		{name: "members of a cluster", opt: redisstore.Options{Addresses: []string{"a:1", "[::1]:2"}, Cluster: true}},
		{
			name: "Sentinels",
			opt:  redisstore.Options{Addresses: []string{"a:1", "b:2"}, SentinelMaster: "m", SentinelUsername: "s", SentinelPassword: word, DB: 1},
		},
		{name: "nothing", want: []string{"no address: name a server by host:port"}},
		{
			name: "all at once",
			opt: redisstore.Options{
				Addresses: []string{"a", ":1", "a:0", "a:65536"}, Cluster: true, SentinelMaster: "m", DB: 1,
				Username: "reader", SentinelUsername: "s", Prefix: "corsgate:", Timeout: time.Nanosecond,
			},
			want: []string{
				`address "a": write host:port`, `address ":1": write`, `address "a:0": write`, `address "a:65536": write`,
				"remove one of them", "database 1: a cluster has only 0", `user "reader": `, `user "s" of the Sentinels: `,
				`prefix "corsgate:": keys would lie on many slots of the cluster; put a part of it in braces`, "time-out 1ns: write at least 1ms",
			},
		},
		{
			name: "several servers, and nothing says what they are",
			opt:  redisstore.Options{Addresses: []string{"a:1", "b:1"}, SentinelPassword: word, DB: -1},
			want: []string{"2 addresses: name one server, or say", "database -1: write a number", "there are none; name the primary"},
		},
		{
			name: "networks", opt: redisstore.Options{Network: "udp", Addresses: []string{"a:1"}},
			want: []string{`network "udp": write tcp or unix`},
		},
		{
			name: "a cluster behind a socket", opt: redisstore.Options{Network: "unix", Addresses: []string{"/s"}, Cluster: true},
			want: []string{"network unix: a socket leads to one server"},
		},
		{
			name: "a prefix that is a pattern", opt: redisstore.Options{Addresses: []string{"a:1"}, Prefix: "cors*"},
			want: []string{`prefix "cors*": write 1 to 128 letters`},
		},
		{
			name: "an empty hash tag is none", opt: redisstore.Options{Addresses: []string{"a:1"}, Cluster: true, Prefix: "{}cors"},
			want: []string{"put a part of it in braces"},
		},
		{
			name: "a password that cannot be read",
			opt: redisstore.Options{Addresses: []string{"a"}, Password: func() (string, error) {
				return "", errors.New("no such file")
			}},
			want: []string{`address "a"`, "the password of Redis: no such file"},
		},
		{
			name: "an empty password",
			opt:  redisstore.Options{Addresses: []string{"a:1"}, Password: func() (string, error) { return "", nil }},
			want: []string{"the password of Redis: it is empty"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := redisstore.New(tt.opt)
			if err == nil {
				_ = s.Close()
				if len(tt.want) > 0 {
					t.Fatalf("is accepted, want %q", tt.want)
				}
				return
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("problems:\n%v\nwant %d", err, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("problem %d is %q, want %q", i, lines[i], want)
				}
			}
		})
	}
}

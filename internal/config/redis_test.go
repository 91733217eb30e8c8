package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
)

func TestRedisTarget(t *testing.T) {
	tests := []struct {
		url, master string
		want        config.RedisTarget
		local       bool
	}{
		{"redis://localhost", "", config.RedisTarget{Network: "tcp", Addresses: []string{"localhost:6379"}}, true},
		{"redis://127.0.0.1:7000/3", "", config.RedisTarget{Network: "tcp", Addresses: []string{"127.0.0.1:7000"}, Database: 3}, true},
		{"redis://redis.example/", "", config.RedisTarget{Network: "tcp", Addresses: []string{"redis.example:6379"}}, false},
		{"rediss://[::1]:7000", "", config.RedisTarget{Network: "tcp", Addresses: []string{"[::1]:7000"}, TLS: true}, true},
		{"rediss://[2001:db8::1]", "", config.RedisTarget{Network: "tcp", Addresses: []string{"[2001:db8::1]:6379"}, TLS: true}, false},
		{"redis://127.0.0.1,b.example:7", "", config.RedisTarget{Network: "tcp", Addresses: []string{"127.0.0.1:6379", "b.example:7"}}, false},
		{"redis://a.example,b.example:7", "m", config.RedisTarget{Network: "tcp", Addresses: []string{"a.example:26379", "b.example:7"}}, false},
		{"redis://me:p%40ss@a.example", "", config.RedisTarget{Network: "tcp", Addresses: []string{"a.example:6379"}, Username: "me", Password: "p@ss"}, false},
		{"redis://:p/a:s@s@a.example", "", config.RedisTarget{Network: "tcp", Addresses: []string{"a.example:6379"}, Password: "p/a:s@s"}, false},
		{"unix:///run/redis.sock", "", config.RedisTarget{Network: "unix", Addresses: []string{"/run/redis.sock"}}, true},
		{"unix:///run/a@b.sock", "", config.RedisTarget{Network: "unix", Addresses: []string{"/run/a@b.sock"}}, true},
		{"unix://me:word@/run/redis.sock", "", config.RedisTarget{Network: "unix", Addresses: []string{"/run/redis.sock"}, Username: "me", Password: "word"}, true},
	}
	for _, tt := range tests {
		r := config.Redis{URL: tt.url, SentinelMaster: tt.master}
		got, err := r.Target()
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.url, diff)
		}
		if got.Local() != tt.local {
			t.Errorf("%s: local is %t", tt.url, got.Local())
		}
	}
}

func TestRedisTargetRefuses(t *testing.T) {
	const secret = "s3cret"
	for _, url := range []string{
		"localhost:6379", "http://localhost", "redis://", "redis://:6379", "redis://a:b:c", "redis://a.example:0", "redis://a.example:65536",
		"redis://a.example,", "redis://::1", "redis://[a.example:1]", "redis://a.example/x", "redis://a.example/-1",
		"redis://a b.example", "redis://a.example?db=1", "unix://relative", "unix://host/path", "unix:///" + strings.Repeat("x", 107),
		"redis://u:" + secret + "%@a.example", "redis://u:" + secret + "?@a.example", "redis://u:" + secret + "/" + secret + "@:1",
		"redis://u:" + secret, "redis://" + secret + ":x", "redis://a.example,u:" + secret, "redis://" + secret + "%@",
		"http://u:" + secret + "@a.example", "redis://u:" + secret + "@a.example/" + "x",
	} {
		r := config.Redis{URL: url}
		_, err := r.Target()
		if err == nil {
			t.Errorf("%s is accepted", url)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

// redisProblems resolves the flags of a command that needs a Redis. DIR in args, environ and the
// problems stands for a directory with the files "password" and "empty".
func redisProblems(t *testing.T, args, environ []string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"password": "s3cret\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var r config.Redis
	flags := pflag.NewFlagSet("tenant", pflag.ContinueOnError)
	r.Bind(flags)
	config.Arm(flags)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	var program []string
	flags.VisitAll(func(f *pflag.Flag) { program = append(program, f.Name) })
	sources, problems := config.Resolve(config.Input{Flags: flags, Args: flags.Args(), Program: program, Environ: environ})
	var texts []string
	for _, p := range append(problems, r.Check(sources)...) {
		texts = append(texts, strings.ReplaceAll(p.String(), dir, "DIR"))
	}
	return texts
}

func TestRedisProblems(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		want    []string
	}{
		{name: "one server", args: []string{"--redis=redis://redis.example"}},
		{name: "a cluster with a login", args: []string{"--redis=redis://a.example,b.example", "--redis-cluster", "--redis-username=reader", "--redis-password-file=DIR/password"}},
		{name: "Sentinels with a login of their own", args: []string{
			"--redis=rediss://a.example,b.example", "--redis-sentinel-master=m", "--redis-sentinel-username=s", "--redis-sentinel-password-file=DIR/password",
			"--redis-ca-file=ca.pem", "--redis-cert-file=c.pem", "--redis-key-file=k.pem",
		}},
		{name: "a password in the variable is seen by nobody else", environ: []string{"CORSGATE_REDIS=redis://u:s3cret@redis.example"}},
		{
			name: "nothing is named, and settings without it",
			args: []string{"--redis-cluster"},
			want: []string{
				"--redis: no Redis is named; name it by --redis, CORSGATE_REDIS or redis in the configuration file",
				"--redis-cluster: it counts only with --redis; set --redis or remove it",
			},
		},
		{
			name: "no URL",
			args: []string{"--redis=redis.example:6379"},
			want: []string{"--redis: it is not the URL of a Redis; write redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH"},
		},
		{
			name: "hosts of an unknown kind",
			args: []string{"--redis=redis://a.example,b.example"},
			want: []string{"--redis: 2 hosts are named, and not what they are; set --redis-cluster or --redis-sentinel-master, or name one host"},
		},
		{
			name: "two kinds at once, and a database in a cluster",
			args: []string{"--redis=redis://a.example/2", "--redis-cluster", "--redis-sentinel-master=m"},
			want: []string{
				"--redis-cluster: the hosts are either nodes of a cluster or Sentinels; remove one of --redis-cluster and --redis-sentinel-master",
				"--redis: a cluster has no database 2; remove the path of the URL",
			},
		},
		{
			name: "Sentinels behind a socket",
			args: []string{"--redis=unix:///run/redis.sock", "--redis-sentinel-master=m"},
			want: []string{"--redis: a socket leads to one server on this machine, not to Sentinels or a cluster; write redis:// with their hosts"},
		},
		{
			name: "a password in the list of processes",
			args: []string{"--redis=redis://:s3cret@127.0.0.1"},
			want: []string{"--redis: the list of processes would show the password of the URL; " +
				"give it by --redis-password-file, or give the whole URL by CORSGATE_REDIS or the configuration file"},
		},
		{
			name:    "two logins",
			args:    []string{"--redis-password-file=DIR/password", "--redis-username=b"},
			environ: []string{"CORSGATE_REDIS=redis://a:s3cret@redis.example"},
			want: []string{
				"--redis-password-file: the URL has a password, too; remove one of the two",
				"--redis-username: the URL names a user, too; remove one of the two",
			},
		},
		{
			name: "users without passwords",
			args: []string{"--redis=redis://a.example", "--redis-username=u", "--redis-sentinel-master=m", "--redis-sentinel-username=s"},
			want: []string{
				"--redis-username: a user without a password cannot log in; set --redis-password-file, too",
				"--redis-sentinel-username: a user without a password cannot log in; set --redis-sentinel-password-file, too",
			},
		},
		{
			name: "a user of the URL without a password",
			args: []string{"--redis=redis://u@a.example"},
			want: []string{"--redis: a user without a password cannot log in; set --redis-password-file, too"},
		},
		{
			name: "passwords that cannot be read",
			args: []string{"--redis=redis://a.example", "--redis-password-file=DIR/empty", "--redis-sentinel-master=m", "--redis-sentinel-password-file=DIR"},
			want: []string{
				"--redis-password-file: reading a password: DIR/empty is empty",
				"--redis-sentinel-password-file: reading a password: reading DIR: is a directory",
			},
		},
		{
			name: "a login for Sentinels without Sentinels",
			args: []string{"--redis=redis://a.example", "--redis-sentinel-password-file=DIR/password"},
			want: []string{"--redis-sentinel-password-file: it counts only with --redis-sentinel-master; set --redis-sentinel-master or remove it"},
		},
		{
			name: "certificates without TLS",
			args: []string{"--redis=redis://a.example", "--redis-ca-file=ca.pem", "--redis-key-file=k.pem"},
			want: []string{
				"--redis-ca-file: the connection has no TLS; write rediss:// in --redis, or remove it",
				"--redis-key-file: the connection has no TLS; write rediss:// in --redis, or remove it",
			},
		},
		{
			name: "half a key pair",
			args: []string{"--redis=rediss://a.example", "--redis-cert-file=c.pem"},
			want: []string{"--redis-cert-file: the certificate has no key; set --redis-key-file too"},
		},
		{
			name: "the other half",
			args: []string{"--redis=rediss://a.example", "--redis-key-file=k.pem"},
			want: []string{"--redis-key-file: the key has no certificate; set --redis-cert-file too"},
		},
		{
			name: "a prefix that would be a pattern",
			args: []string{"--redis=redis://a.example", "--redis-prefix=cors*"},
			want: []string{`--redis-prefix: "cors*" is not of 1 to 128 letters, digits and {}:._/-; the default is {corsgate}:`},
		},
		{
			name: "a prefix that spreads over a cluster",
			args: []string{"--redis=redis://a.example", "--redis-cluster", "--redis-prefix=cors{}:"},
			want: []string{`--redis-prefix: keys that start with "cors{}:" lie on many slots, and cannot be written together; put a part of it in braces: {corsgate}:`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := redisProblems(t, tt.args, tt.environ)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if text := strings.Join(got, "\n"); strings.Contains(text, "s3cret") {
				t.Errorf("a problem shows the password: %s", text)
			}
		})
	}
}

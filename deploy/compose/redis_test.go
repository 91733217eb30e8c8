package compose_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// here is the command of a service with the places in its container replaced by those of this
// machine: mounted files and secrets, and what replace says beside them.
func (p project) here(t *testing.T, service string, replace map[string]string) []string {
	t.Helper()
	places := maps.Clone(replace)
	if places == nil {
		places = map[string]string{}
	}
	local := func(file string) string {
		path, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := p.Services[service]
	for _, volume := range expanded(s.Volumes, "") {
		source, rest, _ := strings.Cut(volume, ":")
		target, _, _ := strings.Cut(rest, ":")
		if strings.HasPrefix(source, ".") {
			places[target] = local(source)
		}
	}
	for _, secret := range s.Secrets {
		places["/run/secrets/"+secret] = local(p.Secrets[secret].File)
	}
	command := make([]string, len(s.Command))
	for i, word := range s.Command {
		command[i] = word
		if place, ok := places[word]; ok {
			command[i] = place
		}
	}
	return command
}

// The users have the rights that the program needs, no more, and the passwords of the secrets.
func TestUsersOfRedis(t *testing.T) {
	t.Parallel()
	p := load(t)
	user := func(name, secret, rules string) string {
		password, err := config.ReadSecret(filepath.Join(root, p.Secrets[secret].File))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("user %s on #%x %s\n", name, sha256.Sum256([]byte(password)), rules)
	}
	want := "user default off\n" +
		"user health on nopass resetkeys resetchannels -@all +ping\n" +
		user("reader", "redis-reader", redisstore.ReaderRules(config.DefaultRedisPrefix)) +
		user("writer", "redis-writer", redisstore.WriterRules(config.DefaultRedisPrefix))
	got, err := os.ReadFile("redis/users.acl")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("users.acl (-want +got):\n%s", diff)
	}
}

// The commands of the services work together, on a socket of Redis instead of a network.
func TestCommands(t *testing.T) {
	t.Parallel()
	server := harness.RedisServer(t)
	p := load(t)
	dir, err := os.MkdirTemp("", "compose-") //nolint:usetesting // the path of t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	redisSocket, socket := filepath.Join(dir, "redis"), filepath.Join(dir, "corsgate")
	places := map[string]string{
		"redis://redis:6379": "unix://" + redisSocket, "0.0.0.0:9002": "unix:" + socket,
		"0.0.0.0:9003": "127.0.0.1:0",
		"/data":        dir, "/var/lib/corsgate": filepath.Join(dir, "state"),
	}

	command := p.here(t, "redis", places)
	if command[0] != "redis-server" {
		t.Fatalf("command %q", command)
	}
	harness.StartProcess(t, "redis", exec.CommandContext(t.Context(), server, append(command[1:], "--port", "0", "--unixsocket", redisSocket)...))
	check := p.Services["redis"].Healthcheck.Test
	if len(check) < 2 || check[0] != "CMD" || check[1] != "redis-cli" {
		t.Fatalf("health check %q", check)
	}
	harness.Eventually(t, "the health check of Redis", func() error {
		return run(t, check[1], append([]string{"-s", redisSocket}, check[2:]...)...)
	})
	if err := run(t, check[1], "-e", "-s", redisSocket, "get", "x"); err == nil {
		t.Error("Redis answers somebody without a login")
	}

	binary := harness.CorsgateBinary(t)
	harness.StartProcess(t, "corsgate", exec.CommandContext(t.Context(), binary, p.here(t, "corsgate", places)...))
	if err := run(t, binary, "health", "--addr", "unix:"+socket); err == nil {
		t.Error("corsgate serves without a tenant")
	}
	for _, when := range []string{"first", "second"} {
		if err := run(t, binary, p.here(t, "seed", places)...); err != nil {
			t.Errorf("the %s run of seed: %v", when, err)
		}
	}
	harness.Eventually(t, "corsgate serves", func() error { return run(t, binary, "health", "--addr", "unix:"+socket) })
}

// run runs a program to its end; the error has what it said.
func run(t *testing.T, program string, args ...string) error {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, out)
	}
	return nil
}

package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Patience is the longest that any wait of this package takes. It only matters when
// something is broken, so it is generous: the machines of continuous integration are slow.
const Patience = 20 * time.Second

const pollEvery = 5 * time.Millisecond

// Run runs the tests of a package that uses the harness and removes what it built for all
// of them. Call it from TestMain: os.Exit(harness.Run(m)).
func Run(m *testing.M) int {
	defer removeBuilds()
	return m.Run()
}

// RepoRoot is the directory of the module.
func RepoRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// RedisServer finds redis-server on the PATH. The test is skipped when there is none, unless
// $CORSGATE_REQUIRE_REDIS is set; then it fails.
func RedisServer(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	if os.Getenv("CORSGATE_REQUIRE_REDIS") != "" {
		tb.Fatalf("%v, and CORSGATE_REQUIRE_REDIS is set", err)
	}
	tb.Skipf("%v (make tools installs it)", err)
	return ""
}

var builds struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// CorsgateBinary is the path of the command: $CORSGATE_BINARY, else built once a test run.
func CorsgateBinary(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("CORSGATE_BINARY"); path != "" {
		return path
	}
	builds.once.Do(build)
	if builds.err != nil {
		tb.Fatal(builds.err)
	}
	return builds.path
}

func build() {
	builds.dir, builds.err = os.MkdirTemp("", "corsgate-e2e-")
	if builds.err != nil {
		return
	}
	builds.path = filepath.Join(builds.dir, "corsgate")
	// As in the Dockerfile, so that it is what runs, and that its test finds everything compiled.
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", builds.path, "./cmd/corsgate")
	cmd.Dir, cmd.Env = RepoRoot(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		builds.err = fmt.Errorf("building corsgate: %w\n%s", err, out)
	}
}

func removeBuilds() {
	if builds.dir != "" {
		_ = os.RemoveAll(builds.dir)
	}
}

// FreeAddr is a loopback address on which nothing listens now. Another process may take it;
// prefer port 0 where the listener can be asked for its port.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Eventually polls cond until it gives nil and fails the test with its last error after
// [Patience].
func Eventually(tb testing.TB, what string, cond func() error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := poll(ctx, cond); err != nil {
		tb.Fatalf("waiting for %s: %v", what, err)
	}
}

// errGiveUp wrapped by a condition ends its polling at once.
var errGiveUp = errors.New("giving up")

func poll(ctx context.Context, cond func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil || errors.Is(err, errGiveUp) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

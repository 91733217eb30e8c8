package logs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
)

// TestF10PolicyWhileLogIsBlocked: nobody reads the log; documents are followed, a withdrawal is obeyed, the admin pages
// answer, what is lost is counted, and the log says so when somebody reads again.
func TestF10PolicyWhileLogIsBlocked(t *testing.T) {
	both(t, plain, func(l *lab) {
		l.edge(nil)
		l.block()
		l.edit(document(listed, "https://new.acme.example"))
		l.edit(document())
		l.awaitGrant(false)
		l.edit(document(listed))
		l.awaitGrant(true)
		l.page("/readyz")
		harness.Eventually(l.T, "lines to be lost", func() error {
			if l.denied(800); l.lost("sink") == 0 {
				return errors.New("none is")
			}
			return nil
		})
		l.pipe.Read(l.T)
		l.awaitLog(`"msg":"lines of the log were lost","lines":`)
		l.edit(document(listed, "https://last.acme.example"))
		read := len(l.Processor.Log())
		harness.Eventually(l.T, "the log to go on", func() error {
			if !strings.Contains(l.Processor.Log()[read:], "tenant files were read") {
				return errors.New("it does not")
			}
			return nil
		})
		l.end()
	}, func(l *lab) {
		l.edge(nil)
		l.block()
		l.edit(document(listed, "https://new.acme.example"))
		l.awaitStuck("files.(*Store).Run")
		l.edit(document())
		if !l.granted() {
			l.Error("the withdrawal is obeyed; what the other test shows is worth nothing")
		}
	})
}

// TestF11HandshakesWhileLogIsBlocked: certificate files that cannot be used are in the log, and hold up no handshake.
func TestF11HandshakesWhileLogIsBlocked(t *testing.T) {
	prepare := func(t *testing.T, o harness.ProcessorOptions) *lab {
		c := harness.NewCertificates(t, t.TempDir(), "corsgate.example")
		o.Args = []string{"--tls-cert", c.Cert, "--tls-key", c.Key}
		l := newLab(t, o)
		l.edge(&envoy.TLS{CA: c.CA, SAN: "corsgate.example"})
		l.block()
		if err := os.Remove(c.Cert); err != nil {
			t.Fatal(err)
		}
		return l
	}
	t.Parallel()
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		l := prepare(t, harness.ProcessorOptions{})
		// Files are looked at once a second; each handshake may be the one that finds them gone.
		for began := time.Now(); time.Since(began) < 3*time.Second; {
			if err := handshake(l); err != nil {
				t.Fatal(err)
			}
		}
		l.pipe.Read(t)
		l.awaitLog("certificate files cannot be used")
		l.end()
	})
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		l := prepare(t, harness.ProcessorOptions{Program: self(t), Env: []string{direct + "=1"}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil && handshakeWithin(ctx, l.Addr) == nil {
				continue
			}
		}()
		l.awaitStuck("app.(*certificates).latest")
	})
}

func handshake(l *lab) error {
	ctx, cancel := context.WithTimeout(l.Context(), harness.Patience)
	defer cancel()
	return handshakeWithin(ctx, l.Addr)
}

func handshakeWithin(ctx context.Context, addr string) error {
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

const key = redisstore.DefaultPrefix

// registry is a Redis with the tenant.
func registry(t *testing.T) *redistest.Server {
	t.Helper()
	r := redistest.Start(t, redistest.Options{AppendOnlyDir: t.TempDir()})
	r.Do("HSET", key+"meta", "epoch", "first", "schema", "1")
	r.Do("SET", key+"host:"+host, "acme")
	apply(r, `"`+listed+`"`)
	return r
}

func apply(r *redistest.Server, origins string) {
	r.Do("SET", key+"tenant:acme", `{"id":"acme","hosts":["`+host+`"],"policy":{"origins":[`+origins+`]}}`)
	r.Do("XADD", key+"changes", "*", "tenant", "acme", "kind", "apply")
}

// TestF12RedisWhileLogIsBlocked: the follower of Redis goes on, also after Redis was away, and a withdrawal is obeyed.
func TestF12RedisWhileLogIsBlocked(t *testing.T) {
	t.Parallel()
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		redis := registry(t)
		l := newLab(t, harness.ProcessorOptions{Args: []string{"--redis", "redis://" + redis.Addr()}})
		l.edge(nil)
		l.block()
		redis.Kill()
		harness.Eventually(t, "the loss of Redis to be seen", func() error {
			if !strings.Contains(l.page("/readyz"), `"following": false`) {
				return errors.New("it is not")
			}
			return nil
		})
		redis.Restart()
		apply(redis, "")
		l.awaitGrant(false)
		l.end()
	})
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		redis := registry(t)
		l := newLab(t, harness.ProcessorOptions{
			Args:    []string{"--redis", "redis://" + redis.Addr(), "--redis-prefix", key},
			Program: self(t), Env: []string{direct + "=1"},
		})
		l.edge(nil)
		l.block()
		redis.Kill()
		l.awaitStuck("replica.(*Replica).Run")
	})
}

// TestF13StopWhileLogIsBlocked: SIGTERM ends the process.
func TestF13StopWhileLogIsBlocked(t *testing.T) {
	both(t, plain, func(l *lab) {
		l.edge(nil)
		l.block()
		l.end()
	}, func(l *lab) {
		l.edge(nil)
		l.block()
		l.Signal(l.T, syscall.SIGTERM)
		l.awaitStuck("app.(*App).Run")
	})
}

// TestF14StdoutIsBlocked: nobody reads standard output, from the start.
func TestF14StdoutIsBlocked(t *testing.T) {
	t.Parallel()
	l := newLab(t, harness.ProcessorOptions{Stdout: harness.FullPipe(t).Writer})
	l.edge(nil)
	l.awaitGrant(true)
	l.end()
}

// TestF15LogReaderDies: the process goes on, counts the lines that are lost, and drains on SIGTERM.
func TestF15LogReaderDies(t *testing.T) {
	both(t, plain, func(l *lab) {
		l.edge(nil)
		l.pipe.Close(l.T)
		l.denied(8)
		harness.Eventually(l.T, "lines to be lost", func() error {
			if l.lost("failed") == 0 {
				return errors.New("none is")
			}
			return nil
		})
		l.edit(document())
		l.awaitGrant(false)
		l.end()
	}, func(l *lab) {
		l.edge(nil)
		l.pipe.Close(l.T)
		harness.Exchange(l.T, l.envoy.Addr, harness.Request("GET", "/", host, [2]string{"origin", "https://evil.example"}))
		l.wantKilledBy(syscall.SIGPIPE)
	})
}

// TestF16Hangup: SIGHUP changes nothing, and the log says so.
func TestF16Hangup(t *testing.T) {
	both(t, plain, func(l *lab) {
		l.edge(nil)
		l.Signal(l.T, syscall.SIGHUP)
		l.awaitLog("SIGHUP is ignored")
		l.edit(document())
		l.awaitGrant(false)
		l.end()
	}, func(l *lab) {
		l.Signal(l.T, syscall.SIGHUP)
		l.wantKilledBy(syscall.SIGHUP)
	})
}

func (l *lab) wantKilledBy(want syscall.Signal) {
	l.Helper()
	failed, ok := errors.AsType[*exec.ExitError](l.Wait(l.T))
	if !ok || failed.Sys().(syscall.WaitStatus).Signal() != want {
		l.Errorf("it ended with %v, not by %v; what the other test shows is worth nothing", failed, want)
	}
}

// TestF17FailedStartWithBlockedLog: a process that cannot start ends, although nobody reads why.
func TestF17FailedStartWithBlockedLog(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(harness.CorsgateBinary(t), "serve", "--tenants", t.TempDir(), "--listen", "unix:/", "--admin-listen=")
	cmd.Stderr = harness.FullPipe(t).Writer
	err := harness.StartProcess(t, "corsgate", cmd).Wait(t)
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
}

// TestF18LibrariesLog: what gRPC says is a line of the log as any other, and so goes the same way.
func TestF18LibrariesLog(t *testing.T) {
	t.Parallel()
	l := newLab(t, harness.ProcessorOptions{Env: []string{"GRPC_GO_LOG_SEVERITY_LEVEL=info"}})
	l.awaitLog("[core]")
	l.end()
	for line := range strings.Lines(l.Processor.Log()) {
		if !json.Valid([]byte(line)) && line != "corsgate is ready\n" {
			t.Errorf("not a line of the log: %q", line)
		}
	}
}

// TestF19ProberWithBlockedLog: corsgate probe goes on asking, and ends on SIGTERM.
func TestF19ProberWithBlockedLog(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer target.Close()
	cmd := exec.Command(harness.CorsgateBinary(t), "probe", "--url", target.URL, "--allowed-origin", listed,
		"--interval", "1s", "--listen", net.JoinHostPort("127.0.0.1", "0"))
	cmd.Stderr = harness.FullPipe(t).Writer
	p := harness.StartProcess(t, "probe", cmd)
	killLast(t, p)
	harness.Eventually(t, "a question", func() error { return more(&asked, 0) })
	for range 2 {
		seen := asked.Load() + 20 // a run asks fewer questions
		harness.Eventually(t, "further questions", func() error { return more(&asked, seen) })
	}
	p.Signal(t, syscall.SIGTERM)
	if err := p.Wait(t); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func more(asked *atomic.Int64, than int64) error {
	if asked.Load() <= than {
		return errors.New("none")
	}
	return nil
}

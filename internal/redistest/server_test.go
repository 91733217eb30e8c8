package redistest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/internal/redistest"
)

// client talks to an address the way a program would, not to wait long for it.
func client(tb testing.TB, url string, change func(*redis.Options)) *redis.Client {
	tb.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		tb.Fatal(err)
	}
	opt.Protocol, opt.MaxRetries, opt.DialerRetries, opt.ContextTimeoutEnabled, opt.DisableIdentity = 2, -1, 1, true, true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = 2*time.Second, 2*time.Second, 2*time.Second
	if change != nil {
		change(opt)
	}
	c := redis.NewClient(opt)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

func TestServerServesAndEnds(t *testing.T) {
	var pid int
	var addr string
	t.Run("running", func(t *testing.T) {
		s := redistest.Start(t, redistest.Options{Config: []string{"maxmemory 64mb"}})
		pid, addr = s.PID(), s.Addr()
		c := client(t, s.URL(), nil)
		if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := s.Do("GET", "k"); got != "v" {
			t.Errorf("the harness reads %v, want v", got)
		}
		if got := s.Do("GET", "nothing"); got != nil {
			t.Errorf("an absent key is %v, want nil", got)
		}
		if got := fmt.Sprint(s.Do("CONFIG", "GET", "maxmemory")); !strings.Contains(got, "67108864") {
			t.Errorf("maxmemory is %s", got)
		}
		if got := fmt.Sprint(s.Do("CONFIG", "GET", "save")); got != "map[save:]" && got != "[save ]" {
			t.Errorf("save is %q, want it off", got)
		}
		stats := s.CommandStats()
		if stats["set"] != (redistest.CommandStat{Calls: 1}) || stats["get"].Calls != 2 {
			t.Errorf("SET counts %+v, GET %+v; want 1 and 2 calls", stats["set"], stats["get"])
		}
	})
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Errorf("%s still accepts connections", addr)
	}
}

func TestKillStopAndRestart(t *testing.T) {
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("kept=%v", kept), func(t *testing.T) {
			opt := redistest.Options{}
			if kept {
				opt.AppendOnlyDir = t.TempDir()
			}
			s := redistest.Start(t, opt)
			c := client(t, s.URL(), nil)
			s.Do("SET", "k", "v")
			pid, addr := s.PID(), s.Addr()

			s.Stop()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := c.Ping(ctx).Err(); !isTimeout(err) {
				t.Errorf("stopped: PING gives %v, want a time-out", err)
			}
			s.Cont()
			if err := c.Ping(t.Context()).Err(); err != nil {
				t.Errorf("continued: %v", err)
			}

			s.Kill()
			if err := c.Ping(t.Context()).Err(); err == nil {
				t.Error("killed: PING is answered")
			}
			s.Restart()
			if s.Addr() != addr || s.PID() == pid {
				t.Errorf("restarted at %s with pid %d, was %s with %d", s.Addr(), s.PID(), addr, pid)
			}
			want := any(nil)
			if kept {
				want = "v"
			}
			if got := s.Do("GET", "k"); got != want {
				t.Errorf("after the restart k is %v, want %v", got, want)
			}
			s.Stop() // a stopped server can be ended, too
		})
	}
}

// Two servers cannot choose one port, also when somebody took it after it was seen free.
func TestManyServersAtOnce(t *testing.T) {
	addrs := make(map[string]bool)
	for range 5 {
		addrs[redistest.Start(t, redistest.Options{}).Addr()] = true
	}
	if len(addrs) != 5 {
		t.Errorf("5 servers have %d addresses", len(addrs))
	}
}

func TestUsers(t *testing.T) {
	const prefix = "{corsgate}:"
	s := redistest.Start(t, redistest.Options{ACL: []string{
		"user default off", redistest.User("reader", "r-secret", "%R~"+prefix+"* -@all +ping +get"),
		redistest.User("writer", "w-secret", "~"+prefix+"* -@all +ping +set"),
	}})
	reader := client(t, s.URLAt(s.Addr(), "reader", "r-secret"), nil)
	writer := client(t, s.URLAt(s.Addr(), "writer", "w-secret"), nil)
	ctx := t.Context()
	if err := client(t, s.URL(), nil).Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a user: %v, want NOAUTH", err)
	}
	if err := client(t, s.URLAt(s.Addr(), "reader", "wrong"), nil).Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %v, want WRONGPASS", err)
	}
	if err := writer.Set(ctx, prefix+"tenant:a", "{}", 0).Err(); err != nil {
		t.Errorf("the writer cannot write: %v", err)
	}
	if got, err := reader.Get(ctx, prefix+"tenant:a").Result(); got != "{}" || err != nil {
		t.Errorf("the reader reads %q, %v", got, err)
	}
	for name, err := range map[string]error{
		"reader SET": reader.Set(ctx, prefix+"tenant:a", "", 0).Err(), "foreign GET": reader.Get(ctx, "other").Err(),
		"foreign SET": writer.Set(ctx, "other", "", 0).Err(), "EVAL": writer.Eval(ctx, "return 1", nil).Err(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v, want NOPERM", name, err)
		}
	}
	if got := s.CommandStats()["set"].Rejected; got != 2 {
		t.Errorf("%d rejected SET, want 2", got)
	}
}

func TestTLS(t *testing.T) {
	certs := redistest.NewCertificates(t)
	s := redistest.Start(t, redistest.Options{TLS: certs})
	if !strings.HasPrefix(s.URL(), "rediss://") {
		t.Errorf("URL is %s", s.URL())
	}
	pem, err := os.ReadFile(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	mine, err := tls.LoadX509KeyPair(certs.ClientCert, certs.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	other := x509.NewCertPool()
	cases := []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"own authority and certificate", &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{mine}}, true},
		{"no client certificate", &tls.Config{RootCAs: roots}, false},
		{"another authority", &tls.Config{RootCAs: other, Certificates: []tls.Certificate{mine}}, false},
		{"another name", &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{mine}, ServerName: "elsewhere.example"}, false},
		{"no TLS", nil, false},
	}
	for _, c := range cases {
		url := s.URL()
		if c.config == nil {
			url = strings.Replace(url, "rediss:", "redis:", 1)
		}
		err := client(t, url, func(o *redis.Options) {
			if c.config != nil {
				o.TLSConfig = c.config
				if o.TLSConfig.ServerName == "" {
					o.TLSConfig.ServerName = "127.0.0.1"
				}
			}
		}).Ping(t.Context()).Err()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want success %v", c.name, err, c.ok)
		}
	}
	if got := s.Do("PING"); got != "PONG" {
		t.Errorf("the harness gets %v, want PONG", got)
	}
}

func TestRunForPrograms(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var addr string
	err := redistest.Run(t.Context(), func(tb redistest.TB) {
		s := redistest.Start(tb, redistest.Options{})
		addr = s.Addr()
		s.Do("NONSENSE")
		t.Error("the program went on after a failure")
	})
	if err == nil || !strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("Run gives %v, want the failure", err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the server is still there")
	}
	if err := redistest.Run(t.Context(), func(redistest.TB) {}); err != nil {
		t.Errorf("Run gives %v, want success", err)
	}
}

func TestMissingServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, required := range []string{"", "1"} {
		t.Setenv("CORSGATE_REQUIRE_REDIS", required)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { defer close(done); redistest.Start(r, redistest.Options{}) }()
		<-done
		if want := map[string]string{"": "skipped", "1": "failed"}[required]; r.ended != want {
			t.Errorf("with CORSGATE_REQUIRE_REDIS=%q the test is %s, want %s", required, r.ended, want)
		}
	}
}

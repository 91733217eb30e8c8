package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options of a server.
type Options struct {
	// ACL are lines of an ACL: "user reader on >secret ...", for example made by [User]. The default user stays
	// as it is, without a password and with every right, unless a line says otherwise.
	ACL []string
	// SentinelACL is the same for the Sentinels of [StartSentinel].
	SentinelACL []string
	// TLS lets the server accept TLS only, from clients with a certificate of TLS. Default: no TLS.
	TLS *Certificates
	// AppendOnlyDir keeps every write in a directory, so that [Server.Restart] finds the
	// data again. Default: a restarted server is empty.
	AppendOnlyDir string
	// Config are further lines of redis.conf, which override those of the harness.
	Config []string
}

// Server is a redis-server. Its methods end the test when something fails
// that is not the subject of a test.
type Server struct {
	tb     TB
	opt    Options
	dir    string
	socket string
	port   int
	admin  *redis.Client
	// role are lines of redis.conf for a replica, Sentinel or member of a Cluster; args follow the file.
	role, args []string
	// bus is the port for the other members of a Cluster; 0 for none.
	bus int

	mu   sync.Mutex
	proc *process
}

// adminUser is who the harness is for the server, whatever the ACL says.
const adminUser, adminPassword = "redistest-admin", "redistest-admin"

// Start starts a redis-server and waits until it answers. It ends with the test.
func Start(tb TB, opt Options) *Server {
	tb.Helper()
	s := newServer(tb, opt)
	s.start()
	return s
}

// newServer makes a server that was not started, with a directory and a client of the harness.
func newServer(tb TB, opt Options) *Server {
	tb.Helper()
	// Not the directory of the test, whose path may be too long for a socket.
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		tb.Fatalf("starting redis-server: %v", err)
	}
	s := &Server{tb: tb, opt: opt, dir: dir, socket: filepath.Join(dir, "socket")}
	s.admin = redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.socket, Username: adminUser, Password: adminPassword, Protocol: 2,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	tb.Cleanup(func() {
		_ = s.admin.Close()
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	return s
}

// start chooses a port and launches the server there, on another one while somebody else is quicker.
func (s *Server) start() {
	s.tb.Helper()
	program := find(s.tb, "redis-server")
	for {
		port, err := freePort()
		if err != nil {
			s.tb.Fatalf("starting redis-server: %v", err)
		}
		if s.bus == port {
			continue
		}
		s.port = port
		err = s.launch(s.tb.Context(), program)
		if err == nil {
			return
		}
		if !errors.Is(err, errPortTaken) {
			s.tb.Fatalf("starting redis-server: %v", err)
		}
	}
}

// launch starts the process on the chosen port and waits until it serves.
func (s *Server) launch(ctx context.Context, program string) error {
	conf := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(conf, []byte(strings.Join(s.config(), "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	size := fileSize(s.log())
	p, err := spawn(s.log(), program, append([]string{conf}, s.args...)...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// The socket is in a directory of ours: whoever answers there is the process started above.
	err = poll(ctx, func(ctx context.Context) error {
		if p.ended() {
			return errGiveUp
		}
		// First without the client, which logs what it cannot connect to.
		conn, err := new(net.Dialer).DialContext(ctx, "unix", s.socket)
		if err != nil {
			return err
		}
		_ = conn.Close()
		return s.admin.Ping(ctx).Err()
	})
	switch {
	case err == nil:
		return nil
	case p.ended() && portTaken(s.log(), size):
		return errPortTaken
	default:
		return fmt.Errorf("waiting for PING: %w\n%s", err, tail(s.log()))
	}
}

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// config is redis.conf.
func (s *Server) config() []string {
	lines := []string{
		"bind 127.0.0.1", "daemonize no", `save ""`, "dir " + s.dir,
		"unixsocket " + s.socket, "unixsocketperm 700",
		"user " + adminUser + " on >" + adminPassword + " ~* &* +@all",
		// As a replica, and to have replicas that start at once.
		"masteruser " + adminUser, "masterauth " + adminPassword, "repl-diskless-sync-delay 0",
	}
	lines = append(lines, s.role...)
	if c := s.opt.TLS; c != nil {
		lines = append(lines, "port 0", fmt.Sprintf("tls-port %d", s.port), "tls-auth-clients yes",
			"tls-replication yes", "tls-cluster yes", "tls-ca-cert-file "+c.CA, "tls-cert-file "+c.ServerCert, "tls-key-file "+c.ServerKey)
	} else {
		lines = append(lines, fmt.Sprintf("port %d", s.port))
	}
	if s.bus != 0 {
		lines = append(lines, "cluster-enabled yes", fmt.Sprintf("cluster-port %d", s.bus))
	}
	if s.opt.AppendOnlyDir != "" {
		lines = append(lines, "appendonly yes", "dir "+s.opt.AppendOnlyDir)
	}
	lines = append(lines, s.opt.ACL...)
	return append(lines, s.opt.Config...)
}

// Addr is the host and port of the server.
func (s *Server) Addr() string { return loopback(s.port) }

// URL is the address of the server for clients: redis:// or rediss://.
func (s *Server) URL() string { return s.URLAt(s.Addr(), "", "") }

// URLAt is the URL of the server at another address, for example that of a
// [Link], with a user and password unless both are empty.
func (s *Server) URLAt(addr, user, password string) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if s.opt.TLS != nil {
		u.Scheme = "rediss"
	}
	if user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// PID is the id of the process that runs now, or ran last.
func (s *Server) PID() int { return s.process().cmd.Process.Pid }

// Kill ends the server at once (SIGKILL). Its port then refuses connections.
func (s *Server) Kill() {
	if p := s.process(); p != nil {
		p.kill()
	}
}

// Stop stops the server (SIGSTOP): the kernel goes on accepting connections and bytes, and nobody answers.
func (s *Server) Stop() { s.process().signal(syscall.SIGSTOP) }

// Cont lets a stopped server go on (SIGCONT).
func (s *Server) Cont() { s.process().signal(syscall.SIGCONT) }

// Restart kills the server if it runs and starts it on the same port, with its data if
// there is [Options.AppendOnlyDir], else empty.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	program := find(s.tb, "redis-server")
	await(s.tb, "redis-server is back on its port", func(ctx context.Context) error {
		err := s.launch(ctx, program)
		if err != nil && !errors.Is(err, errPortTaken) {
			return fmt.Errorf("%w: %w", errGiveUp, err)
		}
		return err
	})
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// Admin is a client with every right, past TLS and every [Link].
func (s *Server) Admin() *redis.Client { return s.admin }

// Do sends one command with every right, past TLS and every [Link], and returns the reply, nil for none.
// An error reply ends the test.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	// Also works while the test cleans up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.tb.Context()), patience)
	defer cancel()
	reply, err := s.admin.Do(ctx, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.tb.Fatalf("redis command %v: %v", args, err)
	}
	return reply
}

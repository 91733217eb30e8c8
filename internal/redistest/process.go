package redistest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// process is a running redis-server or Sentinel.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// spawn starts a program with its output at the end of a log file.
func spawn(log, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	defer out.Close()
	// The test ends the process by its id; a context would end it before the clean-up of the test.
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // see above; the program is found by name
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

// signal sends a signal; a process that has ended takes no notice.
func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// kill ends the process at once, also a stopped one.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Ports are chosen below those that systems give to outgoing connections, so
// that a stopped server finds its own port free again.
const (
	lowestPort  = 20_000
	highestPort = 32_000
	portTries   = 100
)

// errPortTaken says that somebody else was quicker to listen on a chosen port.
var errPortTaken = errors.New("the port is taken")

// freePort chooses a port that nobody listens on just now.
func freePort() (int, error) {
	for range portTries {
		port := lowestPort + rand.IntN(highestPort-lowestPort) //nolint:gosec // no secret
		ln, err := net.Listen("tcp", loopback(port))           //nolint:noctx // returns at once
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			return 0, fmt.Errorf("giving back port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free port between %d and %d in %d tries", lowestPort, highestPort, portTries)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// portTaken reports whether a log tells that listening failed since it had size bytes.
func portTaken(log string, size int64) bool {
	text, err := os.ReadFile(log)
	return err == nil && int64(len(text)) >= size && strings.Contains(string(text[size:]), "Address already in use")
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

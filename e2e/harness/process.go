package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTimeout is how long a process may take to end after SIGTERM before it is killed.
const stopTimeout = 10 * time.Second

// tailLines is how much of a log is printed for a failed test.
const tailLines = 40

// Process is a program that runs for a test.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}

	mu  sync.Mutex
	err error
}

// StartProcess runs cmd with its output in a log file, unless cmd says where it goes, and stops it when the test ends.
func StartProcess(tb testing.TB, name string, cmd *exec.Cmd) *Process {
	tb.Helper()
	p := &Process{name: name, cmd: cmd, log: filepath.Join(tb.TempDir(), name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // a pipe may be read into it, too
	if err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = out
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = dieWithParent()
	}
	err = cmd.Start()
	_ = out.Close()
	if err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	go p.reap()
	tb.Cleanup(func() {
		p.Stop()
		if tb.Failed() {
			p.keepLog(tb)
		}
	})
	return p
}

func (p *Process) reap() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.done)
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process: SIGTERM, SIGKILL, SIGSTOP, SIGCONT, ...
func (p *Process) Signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		tb.Fatalf("signalling %s: %v", p.name, err)
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the process has ended by itself or by a signal, and gives what
// [exec.Cmd.Wait] gave. It fails the test after [Patience].
func (p *Process) Wait(tb testing.TB) error {
	tb.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		tb.Fatalf("%s (pid %d) has not ended", p.name, p.PID())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Stop ends the process: SIGCONT and SIGTERM, then SIGKILL after a while. It waits for the
// end and may be called again.
func (p *Process) Stop() {
	// A stopped process would take no notice of SIGTERM. Errors mean that it has ended.
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return
	case <-time.After(stopTimeout):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Log is everything that the process has written so far.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// ended is an error as soon as the process is gone; it ends the polling of conditions.
func (p *Process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %s has ended\n%s", errGiveUp, p.name, tail(p.Log()))
	default:
		return nil
	}
}

func (p *Process) keepLog(tb testing.TB) {
	text := p.Log()
	keep(tb, p.name+".log", []byte(text))
	tb.Logf("last lines of %s:\n%s", p.name, tail(text))
}

// keep writes a file into the artifact directory of a failed test.
func keep(tb testing.TB, name string, data []byte) {
	if err := os.WriteFile(filepath.Join(tb.ArtifactDir(), name), data, 0o600); err != nil {
		tb.Logf("keeping %s: %v", name, err)
	}
}

func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/corsgate/corsgate/bench/cputime"
	"github.com/corsgate/corsgate/internal/redistest"
)

const (
	patience    = 30 * time.Second
	stopTimeout = 10 * time.Second
)

// process is a program that runs while the measurement does.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start runs a program with its output in a log file. out, when not nil, gets its standard output.
func start(tb redistest.TB, dir, name string, out io.Writer, cmd *exec.Cmd) *process {
	p := &process{name: name, cmd: cmd, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if out != nil {
		p.cmd.Stdout = out
	}
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	err = p.cmd.Start()
	_ = log.Close()
	if err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// firstLine starts a program and returns the first line that it prints.
func firstLine(tb redistest.TB, dir, name, path string, args ...string) (p *process, line string) {
	r, w := io.Pipe()
	lines := make(chan string, 1)
	go func() {
		in := bufio.NewScanner(r)
		if in.Scan() {
			lines <- in.Text()
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	p = start(tb, dir, name, w, exec.CommandContext(tb.Context(), path, args...))
	tb.Cleanup(func() { _ = w.Close() })
	select {
	case line = <-lines:
	case <-p.done:
		tb.Fatalf("%s has ended: %s", name, p.tail())
	case <-time.After(patience):
		tb.Fatalf("%s says nothing: %s", name, p.tail())
	}
	return p, line
}

func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// used is the processor time of the process so far.
func (p *process) used() (time.Duration, error) { return cputime.Of(p.cmd.Process.Pid) }

// resident is the memory of the process, in bytes.
func (p *process) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0, err
	}
	return pages * int64(os.Getpagesize()), nil
}

// eventually looks at a condition until it holds.
func eventually(tb redistest.TB, what string, condition func(context.Context) error) {
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("waiting until %s: %v", what, err)
		case <-tick.C:
		}
	}
}

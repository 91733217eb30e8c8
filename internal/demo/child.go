package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// childStop bounds the time that a child may take to end when it is told to.
const childStop = 5 * time.Second

// program is what a child runs.
type program struct {
	// name is for messages.
	name string
	path string
	args []string
	// log is the file that it writes to.
	log string
	// read takes its standard output to the end; nil means that the log does.
	read func(io.Reader) error
}

// child is a running program.
type child struct {
	program
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
	err  error         // how it ended; read after done
}

// startChild runs p. The end of ctx does not end it.
func startChild(ctx context.Context, p program) (*child, error) {
	c := &child{program: p, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	//nolint:gosec // which program to run is the user's choice
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.path, p.args...)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	var out io.ReadCloser
	if p.read != nil {
		c.cmd.Stdout = nil
		if out, err = c.cmd.StdoutPipe(); err != nil {
			_ = log.Close()
			return nil, fmt.Errorf("starting %s: %w", p.name, err)
		}
	}
	c.cmd.SysProcAttr = ownGroup()
	if err := c.cmd.Start(); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		defer close(c.done)
		defer log.Close()
		var read error
		if p.read != nil {
			read = p.read(out) // Wait closes the pipe, so read it to the end first
		}
		c.err = errors.Join(c.cmd.Wait(), read)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the child: politely, then by force. One that has ended already is no error.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		return nil
	case <-time.After(childStop):
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	return fmt.Errorf("stopping %s: it had to be killed", c.name)
}

// end says how the child ended and what it said last. Call it after done is closed.
func (c *child) end() error {
	how := c.err
	if how == nil {
		how = errors.New("exit code 0")
	}
	return fmt.Errorf("ended with %w; its log ends with %q", how, c.logTail())
}

// logTail returns the last lines that the child wrote, for an error message.
func (c *child) logTail() string {
	const keep = 5
	content, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(0, len(lines)-keep):], "\n")
}

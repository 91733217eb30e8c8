package harness

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// Pipe is a pipe that takes the output of a process, with a reader that can stop reading, and go away.
type Pipe struct {
	// Writer is the end for the process. It blocks, as that of a shell does.
	Writer *os.File

	reader *os.File
	to     *os.File      // where what was read goes
	idle   chan struct{} // closed when the reader does not read
}

// NewPipe makes a pipe that nobody reads yet.
func NewPipe(tb testing.TB) *Pipe {
	tb.Helper()
	var fds [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(fds[:])
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
		err = syscall.SetNonblock(fds[0], true) // so that reading can be interrupted
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		tb.Fatalf("making a pipe: %v", err)
	}
	p := &Pipe{
		reader: os.NewFile(uintptr(fds[0]), "pipe for reading"), Writer: os.NewFile(uintptr(fds[1]), "pipe for writing"),
		idle: make(chan struct{}),
	}
	close(p.idle)
	tb.Cleanup(func() {
		p.Close(tb)
		_ = p.Writer.Close()
	})
	return p
}

// FullPipe makes a pipe that nobody reads, and into which nothing fits.
func FullPipe(tb testing.TB) *Pipe {
	tb.Helper()
	p := NewPipe(tb)
	fd := int(p.Writer.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		tb.Fatalf("filling a pipe: %v", err)
	}
	for _, size := range []int{4096, 1} {
		for {
			_, err := syscall.Write(fd, make([]byte, size))
			if errors.Is(err, syscall.EAGAIN) {
				break
			}
			if err != nil && !errors.Is(err, syscall.EINTR) {
				tb.Fatalf("filling a pipe: %v", err)
			}
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		tb.Fatalf("filling a pipe: %v", err)
	}
	return p
}

// Read has the reader read, again, until [Pipe.Stall] or [Pipe.Close].
func (p *Pipe) Read(tb testing.TB) {
	tb.Helper()
	if err := p.reader.SetReadDeadline(time.Time{}); err != nil {
		tb.Fatalf("reading a pipe: %v", err)
	}
	idle := make(chan struct{})
	p.idle = idle
	go func() {
		defer close(idle)
		_, _ = io.Copy(p.to, p.reader) // ends with the deadline, or with the last writer
	}()
}

// Stall has the reader stop reading.
func (p *Pipe) Stall(tb testing.TB) {
	tb.Helper()
	if err := p.reader.SetReadDeadline(time.Unix(1, 0)); err != nil {
		tb.Fatalf("stopping to read a pipe: %v", err)
	}
	<-p.idle
}

// Close has the reader go away. It may be called again.
func (p *Pipe) Close(tb testing.TB) {
	tb.Helper()
	_ = p.reader.SetReadDeadline(time.Unix(1, 0)) // it is closed
	<-p.idle
	_ = p.reader.Close()
	if p.to != nil {
		_ = p.to.Close()
	}
}

// into starts to read into a file, after the process was started.
func (p *Pipe) into(tb testing.TB, path string) {
	tb.Helper()
	_ = p.Writer.Close() // the process has it
	var err error
	if p.to, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		tb.Fatalf("reading a pipe: %v", err)
	}
	p.Read(tb)
}

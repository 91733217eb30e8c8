// Package boundedfile reads files without letting them stop the process or fill its memory: only regular files, of
// bounded size, in bounded time. A pipe or a device never ends, and a file of a network mount that hangs blocks whoever
// reads it, for ever and beyond any signal.
package boundedfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

var (
	// ErrNotRegular means that a path leads to a pipe, a device or a socket. A directory is [syscall.EISDIR].
	ErrNotRegular = errors.New("it is not a regular file")
	// ErrTooLarge means that a file has more bytes than it may have.
	ErrTooLarge = errors.New("it is too large")
	// ErrTimeout means that the file system has not answered in time. It may still do so.
	ErrTimeout = errors.New("the file system has not answered in time")
)

// Content reads path, which must lead to a regular file of at most maxBytes, and says what was read. It takes as long as
// the file system does. Errors are [*fs.PathError].
func Content(path string, maxBytes int64) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: errors.Unwrap(err)}
	} else if err := regular(path, info); err != nil {
		return nil, nil, err // opening a device may do something to it
	}
	// What was regular a moment ago may be a pipe now: opening one blocks without O_NONBLOCK.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > maxBytes {
		return nil, nil, &fs.PathError{Op: "reading", Path: path, Err: fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, maxBytes)}
	}
	return data, info, nil
}

func regular(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return &fs.PathError{Op: "reading", Path: path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "reading", Path: path, Err: ErrNotRegular}
	default:
		return nil
	}
}

// Read reads a file once: see [Reader.Read].
func Read(path string, maxBytes int64, timeout time.Duration) ([]byte, error) {
	return new(Reader).Read(path, maxBytes, timeout)
}

// Reader reads files again and again. Where the file system hangs, one goroutine for each file is left waiting for it,
// however often the file is read. The zero Reader is ready, and safe for concurrent use.
type Reader struct {
	mu      sync.Mutex
	running map[string]*call // :: key → what has not ended
}

// call is one call of the file system. value and err are there when done is closed.
type call struct {
	done  chan struct{}
	value any
	err   error
}

// Read is [Content] in bounded time: after timeout it fails with [ErrTimeout].
func (r *Reader) Read(path string, maxBytes int64, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return Do(ctx, r, path, func() ([]byte, error) {
		data, _, err := Content(path, maxBytes)
		return data, err
	})
}

// Busy reports whether a call under key has not ended.
func (r *Reader) Busy(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[key] != nil
}

// Do calls f in a goroutine of its own and waits until it ends, or fails with [ErrTimeout] when ctx ends first. While an
// earlier call under the same key has not ended, it waits for that one instead. All calls under a key give a T.
func Do[T any](ctx context.Context, r *Reader, key string, f func() (T, error)) (T, error) {
	c := r.call(key, func() (any, error) { return f() })
	select {
	case <-c.done:
	case <-ctx.Done():
		select {
		case <-c.done:
		default:
			var none T
			return none, &fs.PathError{Op: "reading", Path: key, Err: ErrTimeout}
		}
	}
	value, _ := c.value.(T) // nil beside an error
	return value, c.err
}

// call is the one that runs under key.
func (r *Reader) call(key string, f func() (any, error)) *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.running[key]; c != nil {
		return c
	}
	if r.running == nil {
		r.running = make(map[string]*call)
	}
	c := &call{done: make(chan struct{})}
	r.running[key] = c
	go func() {
		c.value, c.err = f()
		r.mu.Lock()
		delete(r.running, key)
		r.mu.Unlock()
		close(c.done)
	}()
	return c
}

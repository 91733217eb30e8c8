package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// documentPoll is how often the tenants file is looked at. It only decides when
// the page shows it: corsgate watches the file by itself.
const documentPoll = 100 * time.Millisecond

// documentView is the tenants file as the page sees it.
type documentView struct {
	// Revision grows with each change that corsgate has taken in or refused; the
	// first is 1.
	Revision uint64 `json:"revision"`
	Path     string `json:"path"`
	Content  string `json:"content"`
	// Problem says why the last good version stays in force, or is empty.
	Problem string `json:"problem"`
}

// document follows the tenants file.
type document struct {
	mu      sync.Mutex
	view    documentView
	changed chan struct{} // closed when view changes
}

// openDocument reads the file at path for the first time.
func openDocument(path string) (*document, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the demo's tenants: %w", err)
	}
	return &document{
		view:    documentView{Revision: 1, Path: path, Content: string(content)},
		changed: make(chan struct{}),
	}, nil
}

// follow looks at the file until ctx ends. What it finds is published when
// applied returns: then the change is in force, or refused with a problem.
func (d *document) follow(ctx context.Context, applied func(context.Context) error) {
	tick := time.NewTicker(documentPoll)
	defer tick.Stop()
	last := []byte(d.view.Content)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Editors replace files: between two names it is missing for a moment.
		content, err := os.ReadFile(d.view.Path)
		if err != nil || bytes.Equal(content, last) {
			continue
		}
		last = content
		problem := applied(ctx)
		if ctx.Err() != nil {
			return
		}
		d.publish(string(content), problem)
	}
}

func (d *document) publish(content string, problem error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view.Revision++
	d.view.Content, d.view.Problem = content, ""
	if problem != nil {
		d.view.Problem = problem.Error()
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

// newer returns the document as soon as its revision differs from have, or as it
// is when ctx ends.
func (d *document) newer(ctx context.Context, have uint64) documentView {
	for {
		d.mu.Lock()
		view, changed := d.view, d.changed
		d.mu.Unlock()
		if view.Revision != have {
			return view
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return view
		}
	}
}

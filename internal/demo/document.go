package demo

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// documentPoll is how often the tenants are looked at. It only decides when
// the page shows them: corsgate follows them by itself.
const documentPoll = 100 * time.Millisecond

// documentView is the tenants as the page sees them.
type documentView struct {
	// Revision grows with each change that corsgate has taken in or refused; the
	// first is 1.
	Revision uint64 `json:"revision"`
	// Path is the file to edit, and Content what there is to decide by: the text of the file, or
	// what Redis holds.
	Path    string `json:"path"`
	Content string `json:"content"`
	// Command puts a saved file in force; "" when saving does.
	Command string `json:"command"`
	// Problem says why the last good version stays in force, or is empty.
	Problem string `json:"problem"`
}

// shownDocument follows the tenants.
type shownDocument struct {
	// read gives the content as it is now.
	read    func(context.Context) (string, error)
	mu      sync.Mutex
	view    documentView
	changed chan struct{} // closed when view changes
}

// openDocument reads the content of view for the first time.
func openDocument(ctx context.Context, view documentView, read func(context.Context) (string, error)) (*shownDocument, error) {
	content, err := read(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the demo's tenants: %w", err)
	}
	view.Revision, view.Content = 1, content
	return &shownDocument{read: read, view: view, changed: make(chan struct{})}, nil
}

// fileText reads the file at path.
func fileText(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		content, err := os.ReadFile(path)
		return string(content), err
	}
}

// follow looks at the content until ctx ends. What it finds is published when
// applied returns: then the change is in force, or refused with a problem.
func (d *shownDocument) follow(ctx context.Context, applied func(context.Context) error) {
	tick := time.NewTicker(documentPoll)
	defer tick.Stop()
	last := d.view.Content
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Editors replace files: between two names it is missing for a moment. And Redis may be gone.
		content, err := d.read(ctx)
		if err != nil || content == last {
			continue
		}
		last = content
		problem := applied(ctx)
		if ctx.Err() != nil {
			return
		}
		d.publish(content, problem)
	}
}

func (d *shownDocument) publish(content string, problem error) {
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
func (d *shownDocument) newer(ctx context.Context, have uint64) documentView {
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

package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	d, err := openDocument(t.Context(), documentView{Path: path, Command: "apply"}, fileText(path))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	refusals := make(chan error, 2)
	go func() {
		defer close(done)
		d.follow(ctx, func(context.Context) error { return <-refusals })
	}()
	t.Cleanup(func() { cancel(); <-done })

	steps := []struct {
		text   string
		refuse error
		want   documentView
	}{
		{"two", nil, documentView{Revision: 2, Path: path, Command: "apply", Content: "two"}},
		{"broken", errors.New("line 1: bad"), documentView{Revision: 3, Path: path, Command: "apply", Content: "broken", Problem: "line 1: bad"}},
		{"four", nil, documentView{Revision: 4, Path: path, Command: "apply", Content: "four"}},
	}
	for _, step := range steps {
		refusals <- step.refuse
		write(step.text)
		wait, end := context.WithTimeout(t.Context(), 10*time.Second)
		got := d.newer(wait, step.want.Revision-1)
		end()
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", step.text, diff)
		}
	}
}

func TestDocumentAnswersAtTheDeadline(t *testing.T) {
	d := &shownDocument{view: documentView{Revision: 5}, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := d.newer(ctx, 5); got.Revision != 5 {
		t.Errorf("got revision %d", got.Revision)
	}
}

package filestore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/filestore"
)

func TestStats(t *testing.T) {
	dir := t.TempDir()
	s, err := filestore.New(filestore.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	want := filestore.Stats{}
	load := func(what string) {
		t.Helper()
		if err := s.Load(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.Stats()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	open := "id: c\npolicy: {origins: [\"*\"]}\n"
	write(t, dir, "ab.yaml", doc("a", "a.example")+"---\n"+doc("b", "b.example"))
	load("the first load is no change")
	write(t, dir, "ab.yaml", doc("a", "a.example")+"---\n"+doc("b", "b2.example"))
	write(t, dir, "c.yaml", open)
	// The file was read as a whole, so each of its documents is one anew.
	want.Changes = tenant.Changes{Created: 1, Updated: 2}
	load("one more, and a changed file")
	load("nothing new")
	if got := s.Status().Dangers; got != (tenant.DangerCount{AnyOrigin: 1}) {
		t.Errorf("dangers %+v, want one open tenant", got)
	}
	write(t, dir, "c.yaml", "id: c\npolicy: {origins: [\"x\"], methods: [\"TRACE\"]}\n")
	write(t, dir, "d.yaml", doc("d", "a.example"))
	want.Invalid, want.HostConflicts = 1, 1
	load("a broken document, once, and a host that is taken")
	load("the same problems")
	remove(t, dir, "c.yaml")
	remove(t, dir, "d.yaml")
	want.Changes.Deleted = 1
	load("a tenant whose last good version goes")
}

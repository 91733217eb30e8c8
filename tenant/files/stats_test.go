package files_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
)

func TestStats(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		want := files.Stats{}
		load := func(what string) {
			b.Helper()
			b.settle()
			if diff := cmp.Diff(want, b.Stats()); diff != "" {
				b.Errorf("%s: %s", what, diff)
			}
		}
		b.write("ab.yaml", doc("a", "a.example")+"---\n"+doc("b", "b.example"))
		load("the first load is no change")
		b.replace("ab.yaml", "# moved down\n"+doc("a", "a.example")+"---\n"+doc("b", "b2.example"))
		b.write("c.yaml", "id: c\npolicy: {origins: [\"*\"]}\n")
		want.Created, want.Updated = 1, 1
		load("one more, and one document changed")
		load("nothing new")
		if got := b.Status().Dangers; got != (tenant.DangerCount{AnyOrigin: 1}) {
			b.Errorf("dangers %+v, want one open tenant", got)
		}
		b.write("c.yaml", "id: c\npolicy: {origins: [\"x\"], methods: [\"TRACE\"]}\n")
		b.write("d.yaml", doc("d", "a.example"))
		want.Created, want.Invalid, want.HostConflicts = 2, 1, 2
		load("a broken document, once, and a host that is taken, of both")
		load("the same problems")
		b.remove("c.yaml")
		b.remove("d.yaml")
		want.Deleted = 2
		load("a tenant whose last good version goes, and one without a host")
		b.write("ab.yaml", doc("a", "a.example"))
		want.HeldBack = 1
		load("a tenant that a file lost")
	})
}

package files_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

func broken(id string, hosts ...string) string {
	return fmt.Sprintf("id: %s\nhosts: [%s]\npolicy: {origins: [no origin]}\n", id, strings.Join(hosts, ", "))
}

func join(documents ...string) string { return strings.Join(documents, "---\n") }

// TestEachDocumentKeepsItsLastGoodVersion: rule 74 is about documents, whatever their neighbours in the file are.
func TestEachDocumentKeepsItsLastGoodVersion(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("t.yaml", join(doc("a", "a.example"), broken("never", "never.example"), doc("c", "c.example")))
		b.look()
		b.want(map[string]string{"a.example": "a", "never.example": "unreadable", "c.example": "c"})
		b.problems("t.yaml origin_bytes")
		b.kept()
		b.replace("t.yaml", join(broken("a", "a.example"), broken("never", "never.example"), doc("c", "c2.example")))
		b.look()
		b.want(map[string]string{"a.example": "a", "never.example": "unreadable", "c.example": "unknown", "c2.example": "c"})
		b.problems("t.yaml origin_bytes", "t.yaml origin_bytes")
		b.kept("t.yaml")
		b.replace("t.yaml", join(doc("a", "a2.example"), doc("never", "never.example")))
		b.look()
		b.want(map[string]string{"a.example": "unknown", "a2.example": "a", "never.example": "never", "c2.example": "unknown"})
		b.problems()
		b.kept()
	})
}

// TestBrokenFileKeepsItsTenants: whose documents a file lost cannot be told while the id of one cannot be read.
func TestBrokenFileKeepsItsTenants(t *testing.T) {
	cases := []struct {
		name, broken string
		problems     []string
	}{
		{"rule 74: a document without an id", doc("a", "a.example") + "---\nhosts: [c.example]\npolicy: {}\n", []string{"t.yaml document_held_back", "t.yaml field_required"}},
		{"rule 74: one document is no YAML", doc("a", "a.example") + "---\nid: [\n", []string{"t.yaml document_held_back", "t.yaml document_syntax"}},
		{"rule 74: not YAML", "id: [\n", []string{"t.yaml document_held_back", "t.yaml document_syntax"}},
		{"fault F92: 0 bytes", "", []string{"t.yaml file_empty", "t.yaml document_held_back"}},
		{"fault F92: only comments", "# nothing\n---\n", []string{"t.yaml file_empty", "t.yaml document_held_back"}},
		{"fault F94: not UTF-8", "id: \xff\n", []string{"t.yaml document_held_back", "t.yaml document_encoding"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inDirectory(t, files.Options{}, func(b *bench) {
				b.write("t.yaml", join(doc("a", "a.example"), doc("b", "b.example")))
				b.write("z.yaml", doc("z", "z.example")+"---\n"+doc("default", `"*"`))
				b.look()
				b.replace("t.yaml", c.broken)
				for range 3 {
					b.settle()
					b.want(map[string]string{"a.example": "a", "b.example": "b"})
				}
				b.problems(c.problems...)
				b.kept("t.yaml")
				b.replace("z.yaml", doc("z", "z2.example"))
				b.look()
				b.want(map[string]string{"z2.example": "z", "a.example": "a"})
				b.replace("t.yaml", doc("a", "a3.example"))
				b.look()
				b.want(map[string]string{"a3.example": "a", "b.example": "unknown"})
				b.problems()
				b.kept()
			})
		})
	}
}

// A document whose id cannot be read keeps its hosts from falling to others, and takes none away.
func TestDocumentWithoutAnIDKeepsItsHosts(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("t.yaml", doc("default", `"*"`)+"---\n"+doc("a", "a.example"))
		b.write("u.yaml", "hosts: [a.example, b.example]\npolicy: {}\n")
		b.look()
		b.want(map[string]string{"b.example": "unreadable", "a.example": "conflict", "c.example": "default"})
		b.told(document.CodeHostTaken, "t.yaml", "a document without an id in", "u.yaml, line 1")
		b.remove("u.yaml")
		b.settle()
		b.want(map[string]string{"b.example": "default", "a.example": "a"})
		b.write("u.yaml", "hosts: [a.example, b.example]\npolicy: {}\n")
		b.settle()
		b.want(map[string]string{"b.example": "unreadable", "a.example": "a"})
	})
}

func TestMassChangesAreHeldBack(t *testing.T) {
	const tenants = 60
	all := func(text func(i int) string) string {
		var list []string
		for i := range tenants {
			list = append(list, text(i))
		}
		return join(list...)
	}
	full := all(func(i int) string { return doc(fmt.Sprint("t", i), fmt.Sprintf("t%d.example", i)) })
	emptied := all(func(i int) string { return fmt.Sprintf("id: t%d\nhosts: [t%d.example]\npolicy: {}\n", i, i) })
	for name, text := range map[string]string{"vanished": doc("t0", "t0.example"), "emptied": emptied} {
		t.Run(name, func(t *testing.T) {
			inDirectory(t, files.Options{}, func(b *bench) {
				b.write("t.yaml", full)
				b.look()
				b.replace("t.yaml", text)
				b.look()
				<-time.After(time.Hour)
				b.look()
				for i := range tenants {
					host := fmt.Sprintf("t%d.example", i)
					if !b.allows(host, "/", fmt.Sprintf("https://app.t%d.example", i)) {
						b.Fatalf("%s is not as it was", host)
					}
				}
				b.told(files.CodeHeldBack, "more tenants", "restart the process")
				b.kept("t.yaml")
				fresh, _, err := files.Load(b.dir)
				if err != nil {
					b.Fatal(err)
				}
				v := fresh.Lookup(b.Context(), tenant.Key{Authority: "t1.example"})
				if name == "vanished" && v.Freshness != tenant.Unknown {
					b.Errorf("after a restart, t1.example is %v", v.Freshness)
				}
			})
			inDirectory(t, files.Options{Limit: tenant.MassChangeLimit{Tenants: tenants}}, func(b *bench) {
				b.write("t.yaml", full)
				b.look()
				b.replace("t.yaml", text)
				if b.look(); b.allows("t1.example", "/", "https://app.t1.example") {
					b.Error("a change within the limit is held back")
				}
				b.problems()
			})
		})
	}
}

// TestSmallerChangesGoThroughOneAfterTheOther: what is held back since there was another change just before is not
// forgotten.
func TestSmallerChangesGoThroughOneAfterTheOther(t *testing.T) {
	inDirectory(t, files.Options{Limit: tenant.MassChangeLimit{Tenants: 2}}, func(b *bench) {
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			b.write(id+".yaml", doc(id, id+".example"))
		}
		b.look()
		b.remove("a.yaml")
		b.remove("b.yaml")
		b.settle()
		b.want(map[string]string{"a.example": "unknown", "b.example": "unknown"})
		b.remove("c.yaml")
		b.settle()
		b.want(map[string]string{"c.example": "c"})
		b.told(files.CodeHeldBack, "c.yaml")
		<-time.After(2 * time.Minute)
		b.look()
		b.want(map[string]string{"c.example": "unknown", "d.example": "d"})
		b.problems()
	})
}

func TestDocumentsThatAreTooManyBytes(t *testing.T) {
	inDirectory(t, files.Options{MaxBytes: 160}, func(b *bench) {
		large := fmt.Sprintf("id: large\nhosts: [large.example]\npolicy: {origins: [\"https://%s.example\"]}\n", strings.Repeat("x", 60))
		b.write("a.yaml", large)
		b.write("b.yaml", doc("b", "b.example"))
		b.write("c.yaml", doc("c", "c.example"))
		b.look()
		b.want(map[string]string{"large.example": "unreadable", "b.example": "b", "c.example": "c"})
		b.problems("a.yaml document_held_back")
		b.remove("b.yaml")
		b.settle()
		b.want(map[string]string{"large.example": "large", "b.example": "unknown"})
		b.problems()
	})
}

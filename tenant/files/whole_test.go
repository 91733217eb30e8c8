package files_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/tenant/files"
)

// routed is a document in block YAML with a stricter route at its end.
func routed(id string, origins ...string) string {
	text := "id: " + id + "\nhosts:\n- " + id + ".example\npolicy:\n  origins:\n"
	for _, o := range origins {
		text += "  - " + o + "\n"
	}
	return text + "routes:\n- path_prefix: /admin\n  policy:\n    origins:\n    - https://admin.example\n"
}

// TestWriterThatStops has a writer stop after every byte of a new version, and nobody mend it. Nothing is allowed that
// neither the old version nor the new one allows (nobody knows of a route that is new, too), and what stands at the end of the old one stays.
func TestWriterThatStops(t *testing.T) {
	const old, added = "https://app.example", "https://new.example.com"
	last := routed("z", old)
	before := routed("default", old) + "---\n" + routed("a", old) + "---\n" + last
	after := routed("default", old) + "---\n" + routed("a", added, old) + "---\n" + strings.Split(routed("new", added), "routes:")[0] + "---\n" + last
	before = strings.Replace(before, "- default.example", `- "*"`, 1)
	after = strings.Replace(after, "- default.example", `- "*"`, 1)
	origins := []string{old, added, "https://admin.example"}
	for i := range len(added) {
		origins = append(origins, added[:i])
	}
	for n := range len(after) + 1 {
		inDirectory(t, files.Options{}, func(b *bench) {
			b.write("t.yaml", before)
			b.look()
			allowed := b.all(origins)
			b.write("t.yaml", after)
			whole, err := files.New(files.Options{Path: b.dir})
			if err != nil {
				b.Fatal(err)
			}
			if err := whole.Load(); err != nil {
				b.Fatal(err)
			}
			for k := range (&bench{Store: whole, T: b.T}).all(origins) {
				allowed[k] = true
			}
			b.write("t.yaml", after[:n])
			b.settle()
			b.settle()
			for k := range b.all(origins) {
				if !allowed[k] {
					b.Errorf("after %d bytes, %s; neither version allows that:\n%s", n, k, after[:n])
				}
			}
			b.want(map[string]string{"z.example": "z", "a.example": "a"})
			if !b.allows("z.example", "/", old) || b.allows("z.example", "/admin", old) || b.allows("a.example", "/admin", added) {
				b.Errorf("after %d bytes, a tenant or a route is lost", n)
			}
			if n == len(after) && !b.allows("a.example", "/", added) {
				b.Error("the whole version is not in force")
			}
			b.replace("t.yaml", after)
			b.look()
			if b.problems(); !b.allows("a.example", "/", added) || !b.allows("new.example", "/", added) {
				b.Errorf("after %d bytes, then a renamed file: not in force", n)
			}
		})
	}
}

// all is everything that is allowed.
func (b *bench) all(origins []string) map[string]bool {
	all := make(map[string]bool)
	for _, host := range []string{"a.example", "z.example", "new.example", "other.example"} {
		for _, path := range []string{"/", "/admin"} {
			for _, o := range origins {
				if b.allows(host, path, o) {
					all[host+path+" allows "+o] = true
				}
			}
		}
	}
	return all
}

func checksummed(text string) string {
	return fmt.Sprintf("%s# sha256: %x\n", text, sha256.Sum256([]byte(text)))
}

// TestWholeFiles tells what a change in place takes away of two tenants, at once and when the file has been still, by how
// the file ends.
func TestWholeFiles(t *testing.T) {
	a, both := doc("a", "a.example"), doc("a", "a.example")+"---\n"+doc("b", "b.example")
	cases := []struct {
		name, before, after string
		atOnce, later       string // who has b.example
		problem             string
	}{
		{"nothing says that it is whole", both, a, "b", "b", "t.yaml file_not_whole"},
		{"three dots", both, whole(a), "unknown", "unknown", ""},
		{"three dots without a line end", both, a + "...", "unknown", "unknown", ""},
		{"three dots that are only a part", whole(both), a + "...x", "b", "b", "t.yaml file_not_whole"},
		{"a checksum", both, checksummed(a), "unknown", "unknown", ""},
		{"a wrong checksum", both, checksummed(a) + checksummed(""), "b", "b", "t.yaml file_not_whole"},
		{"half a checksum", both, checksummed(a)[:len(a)+20], "b", "b", "t.yaml file_not_whole"},
		{"a mark that is gone", whole(both), a, "b", "b", "t.yaml file_not_whole"},
		{"a checksum that is gone", checksummed(both), a, "b", "b", "t.yaml file_not_whole"},
		{"dots after each document, the first of them", whole(doc("a", "a.example")) + whole(doc("b", "b.example")), whole(a), "b", "b", "t.yaml file_not_whole"},
		{"a last line without an end", both, both + "---\nid: c", "b", "b", "t.yaml file_not_whole"},
		{"one JSON value", both, `{"id":"a","hosts":["a.example"],"policy":{}}`, "unknown", "unknown", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inDirectory(t, files.Options{}, func(b *bench) {
				b.write("t.yaml", c.before)
				b.look()
				b.problems()
				b.write("t.yaml", c.after)
				b.look()
				b.want(map[string]string{"a.example": "a", "b.example": c.atOnce})
				b.problems()
				b.settle()
				b.want(map[string]string{"a.example": "a", "b.example": c.later})
				if c.problem == "" {
					b.problems()
					b.kept()
					return
				}
				b.problems(c.problem)
				b.kept("t.yaml")
			})
		})
	}
}

// TestWhatToDoAboutAFileThatIsNotWhole does what the problem says.
func TestWhatToDoAboutAFileThatIsNotWhole(t *testing.T) {
	a, both := doc("a", "a.example"), doc("a", "a.example")+"---\n"+doc("b", "b.example")
	for name, do := range map[string]func(b *bench){
		"end with dots": func(b *bench) { b.write("t.yaml", a+"...\n") },
		"rename":        func(b *bench) { b.replace("t.yaml", a) },
	} {
		for _, before := range []string{both, whole(both)} {
			t.Run(name, func(t *testing.T) {
				inDirectory(t, files.Options{}, func(b *bench) {
					b.write("t.yaml", before)
					b.look()
					b.write("t.yaml", a)
					b.settle()
					b.told(files.CodeNotWhole, "end the file with a line of three dots (...), or replace it by renaming")
					do(b)
					b.look()
					b.want(map[string]string{"a.example": "a", "b.example": "unknown"})
					b.problems()
					b.kept()
				})
			})
		}
	}
}

// A file that ended with a mark does not count without one, whatever is in it.
func TestMarkIsExpectedAgain(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("t.yaml", whole(doc("a", "a.example")))
		b.look()
		b.write("t.yaml", doc("a", "a.example", "more.example"))
		b.settle()
		b.want(map[string]string{"a.example": "a", "more.example": "unknown"})
		b.told(files.CodeNotWhole, "the mark that its last version ended with", "...")
	})
}

func TestFileMustBeStill(t *testing.T) {
	inDirectory(t, files.Options{Settle: 3 * time.Second}, func(b *bench) {
		b.write("t.yaml", doc("a", "a.example"))
		b.look()
		for i := range 5 {
			b.write("t.yaml", doc("a", "a.example", fmt.Sprintf("h%d.example", i)))
			b.settle() // one second
			b.want(map[string]string{fmt.Sprintf("h%d.example", i): "unknown"})
		}
		<-time.After(2 * time.Second)
		b.look()
		b.want(map[string]string{"h3.example": "unknown", "h4.example": "a"})
	})
}

func TestFilesCountAsTheyAreAtTheStart(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("a.yaml", strings.TrimSuffix(doc("a", "a.example"), "\n"))
		b.write("b.yaml", doc("b", "b.example")+"# sha256: 00\n")
		b.look()
		b.want(map[string]string{"a.example": "a", "b.example": "b"})
		b.problems("b.yaml file_not_whole")
		b.kept()
		b.write("c.yaml", doc("c", "c.example"))
		b.look()
		b.want(map[string]string{"c.example": "unknown"})
		b.settle()
		b.want(map[string]string{"c.example": "c"})
	})
}

// TestDocumentsMoveBetweenFiles: nobody is unknown while documents move.
func TestDocumentsMoveBetweenFiles(t *testing.T) {
	a, c := doc("a", "a.example"), doc("c", "c.example")
	for name, move := range map[string]func(b *bench){
		"a file is renamed":           func(b *bench) { rename(b.T, filepath.Join(b.dir, "t.yaml"), filepath.Join(b.dir, "u.yaml")) },
		"a file is split":             func(b *bench) { b.replace("t.yaml", a); b.write("u.yaml", c) },
		"a file is removed and made":  func(b *bench) { b.remove("t.yaml"); b.look(); b.write("t.yaml", a+"---\n"+c) },
		"a file goes, its copy stays": func(b *bench) { b.write("u.yaml", a+"---\n"+c); b.settle(); b.remove("t.yaml") },
	} {
		t.Run(name, func(t *testing.T) {
			inDirectory(t, files.Options{}, func(b *bench) {
				b.write("other.yaml", doc("other", `"*"`))
				b.write("t.yaml", a+"---\n"+c)
				b.look()
				move(b)
				for range 30 {
					b.look()
					b.want(map[string]string{"a.example": "a", "c.example": "c"})
					<-time.After(100 * time.Millisecond)
				}
				b.problems()
				for _, name := range []string{"t.yaml", "u.yaml"} {
					_ = os.Remove(filepath.Join(b.dir, name)) // one of them is not there
				}
				b.settle()
				b.want(map[string]string{"a.example": "other", "c.example": "other"})
			})
		})
	}
}

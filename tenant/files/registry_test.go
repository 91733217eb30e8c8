package files_test

import (
	"strings"
	"testing"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/files"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

func TestFilesAreARegistry(t *testing.T) {
	layouts := map[string]func(t *testing.T, dir string, docs []tenanttest.Document){
		"a file each": func(t *testing.T, dir string, docs []tenanttest.Document) {
			for _, d := range docs {
				write(t, dir, d.ID+".json", d.Text)
			}
		},
		"one file": func(t *testing.T, dir string, docs []tenanttest.Document) {
			texts := make([]string, len(docs))
			for i, d := range docs {
				texts[i] = d.Text
			}
			write(t, dir, "all.yaml", strings.Join(texts, "\n---\n"))
		},
	}
	for name, lay := range layouts {
		t.Run(name, func(t *testing.T) {
			tenanttest.RunRegistry(t, func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
				dir := t.TempDir()
				lay(t, dir, docs)
				s, err := files.New(files.Options{Path: dir})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Load(); err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

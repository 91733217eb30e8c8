package image_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// ignore is .dockerignore: the last pattern that fits a path says whether it is kept out.
type ignore []string

func readIgnore(t *testing.T) ignore {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var patterns ignore
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// keepsOut knows the three forms that the file uses: "*", a path, and "**/" before a name.
func (g ignore) keepsOut(name string) bool {
	out := false
	for _, pattern := range g {
		pattern, back := strings.CutPrefix(pattern, "!")
		if fits(pattern, name) {
			out = !back
		}
	}
	return out
}

func fits(pattern, name string) bool {
	last, anywhere := strings.CutPrefix(pattern, "**/")
	if !anywhere {
		return pattern == "*" || name == pattern || strings.HasPrefix(name, pattern+"/")
	}
	for element := range strings.SplitSeq(name, "/") {
		if ok, err := path.Match(last, element); ok || err != nil {
			return true
		}
	}
	return false
}

// copyContext copies what a build may see of the repository.
func copyContext(t *testing.T, to string) {
	t.Helper()
	patterns := readIgnore(t)
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == ".tools" || name == "artifacts"):
			return fs.SkipDir // large
		case entry.IsDir() || !entry.Type().IsRegular() || patterns.keepsOut(name):
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		place := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		return os.WriteFile(place, data, 0o600)
	})
	if err != nil {
		t.Fatalf("copying the context of the build: %v", err)
	}
}

// Passwords, the history and results of the tests stay outside; all that a build reads gets in, which TestBuild proves.
func TestContext(t *testing.T) {
	t.Parallel()
	patterns := readIgnore(t)
	for name, out := range map[string]bool{
		"go.mod": false, "LICENSE": false, "cmd/corsgate/main.go": false, "deploy/image/sbom/main.go": false, "internal/demo/tenants.yaml": false,
		".git/HEAD": true, ".env": true, ".tools/venv/bin/envoy": true, "bin/corsgate": true, "artifacts/edge.json": true, "Dockerfile": true,
		"deploy/compose/redis/writer.password": true, "cmd/corsgate/version_test.go": true, "internal/sbom/testdata/sample.cdx.json": true,
	} {
		if got := patterns.keepsOut(name); got != out {
			t.Errorf("%s is kept out: %t, want %t", name, got, out)
		}
	}
}

package image_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	sampleVersion  = "v9.8.7-test.1"
	sampleRevision = "0123456789abcdef0123456789abcdef01234567"
)

// builder runs the stages of the Dockerfile as processes, each below a directory that stands for its file system.
type builder struct {
	dir       string
	arguments map[string]string
	stages    map[string]string // directory by name of the stage
}

// places are the directories of a stage that a RUN line names.
var places = regexp.MustCompile(`(^|[\s"'=])/(out|src)\b`)

// built gives the directory of the last stage.
func built(t *testing.T) string {
	t.Helper()
	b := builder{
		dir: t.TempDir(), stages: map[string]string{},
		arguments: map[string]string{"TARGETOS": runtime.GOOS, "TARGETARCH": runtime.GOARCH, "VERSION": sampleVersion, "REVISION": sampleRevision},
	}
	last := ""
	for i, s := range dockerfile(t) {
		_, name, ok := strings.Cut(s.from.text, " AS ")
		if !ok {
			name = "image"
		}
		last = filepath.Join(b.dir, name)
		b.stages[name] = last
		if err := os.Mkdir(last, 0o755); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			authorities(t, last)
		}
		b.run(t, last, &s)
	}
	return last
}

// authorities are what the base of the first stage brings along.
func authorities(t *testing.T, stage string) {
	t.Helper()
	const file = "/etc/ssl/certs/ca-certificates.crt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("this machine is not Debian: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(stage, path.Dir(file)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stage, file), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *builder) run(t *testing.T, stage string, s *stage) {
	t.Helper()
	work := stage
	environment := os.Environ()
	for _, i := range s.steps {
		switch i.name {
		case "WORKDIR":
			work = filepath.Join(stage, i.text)
			if err := os.MkdirAll(work, 0o755); err != nil {
				t.Fatal(err)
			}
		case "ARG":
			name, value, _ := strings.Cut(i.text, "=")
			if given, ok := b.arguments[name]; ok {
				value = given
			}
			environment = append(environment, name+"="+value)
		case "COPY":
			b.copy(t, i, stage, work)
		case "RUN":
			cmd := exec.CommandContext(t.Context(), "sh", "-ec", places.ReplaceAllString(i.text, "${1}"+stage+"/$2"))
			cmd.Dir, cmd.Env = work, environment
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s\n(what a build needs must not be kept out by .dockerignore)", i.text, err, out)
			}
		}
	}
}

// copy runs COPY: from the context, or what another stage has.
func (b *builder) copy(t *testing.T, i instruction, stage, work string) {
	t.Helper()
	words := strings.Fields(i.text)
	sources, target := words[:len(words)-1], words[len(words)-1]
	to := filepath.Join(work, target)
	if path.IsAbs(target) {
		to = filepath.Join(stage, target)
	}
	from, other := b.stages[i.flags["from"]]
	switch {
	case !other && slices.Equal(sources, []string{"."}):
		copyContext(t, to)
	case !other:
		for _, source := range sources {
			copyFile(t, filepath.Join(root, source), filepath.Join(to, source))
		}
	default:
		if strings.HasSuffix(target, "/") {
			to = filepath.Join(to, path.Base(sources[0]))
		}
		copyFile(t, filepath.Join(from, sources[0]), to)
	}
}

// copyFile copies one file, or makes a directory where the source is an empty one.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}

// What the lines of the Dockerfile make without a container engine: the files of the image, and a program that works there alone.
func TestBuild(t *testing.T) {
	t.Parallel()
	image := built(t)
	var got []string
	err := fs.WalkDir(os.DirFS(image), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, known := inside()["/"+name]; known || !entry.IsDir() {
			got = append(got, "/"+name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(inside())), got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	checkProgram(t, image, runtime.GOARCH)
	checkBill(t, image)
	serve(t, image, dockerfile(t)[1])
}

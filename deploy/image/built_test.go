package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The image that an engine makes of the Dockerfile, for make image-test. It takes the same tests as the one that TestBuild makes
// without, and those that need a real image.
func TestBuiltByEngine(t *testing.T) {
	if os.Getenv("CORSGATE_IMAGE_TEST") == "" {
		t.Skip("make image-test builds the image with buildah")
	}
	for _, program := range []string{"buildah", "skopeo", "/bin/busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	e := newEngine(t)
	here := e.build(t, "here", runtime.GOARCH)
	if diff := cmp.Diff(expected(sampleVersion, sampleRevision), here.settings(), cmp.AllowUnexported(settings{})); diff != "" {
		t.Errorf("the image (-want +got):\n%s", diff)
	}
	if c := here.Config; len(c.Volumes) > 0 || c.WorkingDir != "" || len(c.Env) != 1 || !strings.HasPrefix(c.Env[0], "PATH=") {
		t.Errorf("volumes %v, directory %q, environment %q", c.Volumes, c.WorkingDir, c.Env)
	}
	files := filepath.Join(t.TempDir(), "files")
	checkFiles(t, here.unpack(t, files))
	checkProgram(t, files, runtime.GOARCH)
	checkBill(t, files)
	serve(t, files, dockerfile(t)[1])

	if again := e.build(t, "again", runtime.GOARCH); !slices.Equal(again.RootFS.DiffIDs, here.RootFS.DiffIDs) {
		t.Errorf("the same source gives other layers: %q, then %q", here.RootFS.DiffIDs, again.RootFS.DiffIDs)
	}

	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	there := e.build(t, "there", other)
	if there.Architecture != other {
		t.Errorf("the image for %s says %s", other, there.Architecture)
	}
	files = filepath.Join(t.TempDir(), "files")
	checkFiles(t, there.unpack(t, files))
	checkProgram(t, files, other)
	checkBill(t, files)
}

// settings are those that the Dockerfile has too.
func (i image) settings() settings {
	s := settings{user: i.Config.User, entrypoint: i.Config.Entrypoint, command: i.Config.Cmd, labels: map[string]string{}}
	if test := i.Config.Healthcheck.Test; len(test) > 0 && test[0] == "CMD" {
		s.health = test[1:]
	}
	for port := range i.Config.ExposedPorts {
		s.ports = append(s.ports, strings.TrimSuffix(port, "/tcp"))
	}
	slices.Sort(s.ports)
	for name, value := range i.Config.Labels {
		if name != "io.buildah.version" { // the engine's own
			s.labels[name] = value
		}
	}
	return s
}

// checkFiles holds all that is in the layers against what shall be there, the directories above it aside.
func checkFiles(t *testing.T, got map[string]string) {
	t.Helper()
	want := inside()
	for name := range got {
		above := name + "/"
		for file := range want {
			if strings.HasPrefix(file, above) {
				delete(got, name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files and their owners (-want +got):\n%s", diff)
	}
}

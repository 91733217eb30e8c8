package image_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// engine is buildah with a store of its own.
type engine struct {
	dir   string
	store []string
}

// newEngine makes one that knows the base of the first stage under its name, because the real one would have to be fetched: a shell
// and the authorities, with the toolchain, the modules and the compiled packages of this machine mounted when something is built.
func newEngine(t *testing.T) *engine {
	t.Helper()
	dir := t.TempDir()
	e := &engine{dir: dir, store: []string{"--root", filepath.Join(dir, "store"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}}
	base := filepath.Join(dir, "base")
	for _, name := range []string{"bin", "tmp", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(base, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, "/bin/busybox", filepath.Join(base, "bin/busybox"))
	for _, command := range []string{"sh", "mkdir"} {
		if err := os.Symlink("busybox", filepath.Join(base, "bin", command)); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, "/etc/ssl/certs/ca-certificates.crt", filepath.Join(base, "etc/ssl/certs/ca-certificates.crt"))
	const text = "FROM scratch\nCOPY . /\n" +
		"ENV PATH=/usr/local/go/bin:/bin GOPROXY=off GOTOOLCHAIN=local GOMODCACHE=/go/pkg/mod GOCACHE=/cache HOME=/tmp\n"
	file := filepath.Join(dir, "Base")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(dockerfile(t)[0].from.text, " ")
	e.buildah(t, "build", "--isolation", "chroot", "--tag", name, "--file", file, base)
	return e
}

func (e *engine) buildah(t *testing.T, command string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "buildah", slices.Concat(e.store, []string{command}, args)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("buildah %s: %v\n%s", command, err, out)
	}
}

// image is one that was built: its configuration and its layers.
type image struct {
	dir string
	configuration
}

// configuration is what skopeo says of an image in Docker's format.
type configuration struct {
	Architecture string `json:"architecture"`
	Config       struct {
		User, WorkingDir string
		Env              []string
		ExposedPorts     map[string]struct{}
		Volumes          map[string]struct{}
		Cmd, Entrypoint  []string
		Labels           map[string]string
		Healthcheck      struct{ Test []string }
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// build runs the Dockerfile for linux and an architecture. A name is used once.
func (e *engine) build(t *testing.T, name, arch string) image {
	t.Helper()
	e.buildah(t, "build", "--isolation", "chroot", "--format", "docker", "--pull-never", "--timestamp", "0",
		"--volume", goEnv(t, "GOROOT")+":/usr/local/go:ro", "--volume", goEnv(t, "GOMODCACHE")+":/go/pkg/mod", "--volume", goEnv(t, "GOCACHE")+":/cache",
		// Docker knows it by itself, this buildah does not yet.
		"--build-arg", "BUILDPLATFORM=linux/"+runtime.GOARCH, "--platform", "linux/"+arch,
		"--build-arg", "VERSION="+sampleVersion, "--build-arg", "REVISION="+sampleRevision, "--tag", name, ".")
	i := image{dir: filepath.Join(e.dir, name)}
	e.buildah(t, "push", name, "dir:"+i.dir)
	// As it is, because the format of the Open Container Initiative has no health command.
	out, err := exec.CommandContext(t.Context(), "skopeo", "inspect", "--config", "--raw", "dir:"+i.dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &i.configuration); err != nil {
		t.Fatal(err)
	}
	return i
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// unpack writes the layers into a directory and gives all that is in them, "UID:GID" by path.
func (i image) unpack(t *testing.T, to string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(i.dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	owners := map[string]string{}
	for _, layer := range manifest.Layers {
		if err := unpackLayer(filepath.Join(i.dir, strings.TrimPrefix(layer.Digest, "sha256:")), to, owners); err != nil {
			t.Fatal(err)
		}
	}
	return owners
}

func unpackLayer(file, to string, owners map[string]string) error {
	packed, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	for entries := tar.NewReader(plain); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(to, h.Name)
		owners["/"+strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%d:%d", h.Uid, h.Gid)
		mode := fs.FileMode(h.Mode) & fs.ModePerm
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, mode)
		case tar.TypeReg:
			var content []byte
			if content, err = io.ReadAll(entries); err == nil {
				err = os.WriteFile(name, content, mode)
			}
		default:
			err = fmt.Errorf("%s is neither a file nor a directory", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

package image_test

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/sbom/sbomtest"
)

// checkProgram looks at the program of an image without running it: of the right machine, static, without symbols and paths.
func checkProgram(t *testing.T, image, arch string) {
	t.Helper()
	program := filepath.Join(image, "corsgate")
	if runtime.GOOS == "linux" {
		file, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
		if file.Machine != machines[arch] {
			t.Errorf("a program for %v, want %s", file.Machine, arch)
		}
		if libraries, err := file.ImportedLibraries(); len(libraries) > 0 || file.Section(".interp") != nil {
			t.Errorf("the program is not static: %q %v", libraries, err)
		}
		if file.Section(".symtab") != nil {
			t.Error("the program has symbols")
		}
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if here := filepath.Dir(image); bytes.Contains(data, []byte(here)) {
		t.Errorf("the program names the directory %s in which it was built", here)
	}
}

// checkBill holds the bill of materials of an image against its program, and against the schema.
func checkBill(t *testing.T, image string) {
	t.Helper()
	bill, err := os.ReadFile(filepath.Join(image, "usr/share/sbom/corsgate.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sbomtest.Valid(t, bill); err != nil {
		t.Error(err)
	}
	got, version, err := sbomtest.Modules(bill)
	if err != nil {
		t.Fatal(err)
	}
	if version != sampleVersion || !bytes.Contains(bill, []byte(sampleRevision)) {
		t.Errorf("the bill is of version %q, want %s, and its revision", version, sampleVersion)
	}
	info, err := buildinfo.ReadFile(filepath.Join(image, "corsgate"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}
	for _, m := range info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("modules (-linked +billed):\n%s", diff)
	}
}

// alone is a command of an image. Where the test may, it runs as in a container: nothing else in the file system, as the user of
// the image.
func alone(ctx context.Context, image string, command, environment []string) *exec.Cmd {
	if os.Geteuid() != 0 {
		cmd := exec.CommandContext(ctx, filepath.Join(image, command[0]), command[1:]...)
		cmd.Env = environment
		return cmd
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Path, cmd.Err = command[0], nil
	cmd.Dir, cmd.Env = "/", environment
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return cmd
}

// serve runs what a container of the image runs, with a tenant mounted, until its health command is content.
func serve(t *testing.T, image string, s stage) {
	t.Helper()
	entrypoint, command, health := s.only(t, "ENTRYPOINT").words(t), s.only(t, "CMD").words(t), s.only(t, "HEALTHCHECK").words(t)
	at := slices.Index(command, "--tenants") + 1
	mounted := filepath.Join(image, command[at])
	if err := os.CopyFS(mounted, os.DirFS(filepath.Join(root, "deploy/compose/tenants"))); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		command[at] = mounted
	}
	address := harness.FreeAddr(t)
	environment := []string{"CORSGATE_LISTEN=" + address, "CORSGATE_ADMIN_LISTEN=127.0.0.1:0", "CORSGATE_ADDR=" + address}
	ask := func(words ...string) (string, error) {
		out, err := alone(t.Context(), image, words, environment).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out)
		}
		return string(out), nil
	}
	if _, err := ask(health...); err == nil {
		t.Error("the health command is content with nobody")
	}
	harness.StartProcess(t, "corsgate", alone(t.Context(), image, append(entrypoint, command...), environment))
	harness.Eventually(t, "the health command", func() error {
		_, err := ask(health...)
		return err
	})
	want := fmt.Sprintf("corsgate %s (%s) %s %s/%s\n", sampleVersion, sampleRevision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if got, err := ask(append(entrypoint, "version")...); err != nil || got != want {
		t.Errorf("the program says %q and %v, want %q", got, err, want)
	}
	stored, err := os.ReadFile(filepath.Join(image, "usr/share/sbom/corsgate.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	if own, err := ask(append(entrypoint, "version", "--sbom")...); err != nil || own != string(stored) {
		t.Errorf("the program has another bill of materials than the image: %v\n%s", err, cmp.Diff(string(stored), own))
	}
}

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

package image_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/build"
	"github.com/corsgate/corsgate/internal/config"
)

// The stage that compiles runs where it is built and has the toolchain of go.mod, as has the continuous integration; the image has
// nothing below it.
func TestBases(t *testing.T) {
	t.Parallel()
	text := func(name string) string {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	pinned := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindStringSubmatch(text("go.mod"))
	if pinned == nil {
		t.Fatal("go.mod has no toolchain")
	}
	base := "golang:" + pinned[1] + "-bookworm"
	stages := dockerfile(t)
	if from := stages[0].from; from.text != base+" AS build" || from.flags["platform"] != "$BUILDPLATFORM" {
		t.Errorf("the first stage is FROM %s on %q, want %s on $BUILDPLATFORM", from.text, from.flags["platform"], base)
	}
	if from := stages[1].from; from.text != "scratch" || len(from.flags) > 0 {
		t.Errorf("the image is FROM %s %v", from.text, from.flags)
	}
	for _, workflow := range []string{".github/workflows/test.yaml", ".github/workflows/nightly.yaml"} {
		if !strings.Contains(text(workflow), " "+base+"\n") {
			t.Errorf("%s does not run in %s", workflow, base)
		}
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	image := dockerfile(t)[1]
	want := expected("v1.2.3", "0123")
	got := settings{
		user: image.only(t, "USER").text, entrypoint: image.only(t, "ENTRYPOINT").words(t), command: image.only(t, "CMD").words(t),
		health: image.only(t, "HEALTHCHECK").words(t), ports: strings.Fields(image.only(t, "EXPOSE").text),
		labels: image.labels(t, map[string]string{"VERSION": "v1.2.3", "REVISION": "0123"}),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); diff != "" {
		t.Errorf("the image (-want +got):\n%s", diff)
	}
	for _, i := range image.steps {
		if i.name == "RUN" {
			t.Errorf("RUN %s, in an image without a shell", i.text)
		}
	}
}

// settings are those of an image.
type settings struct {
	user                               string
	entrypoint, command, health, ports []string
	labels                             map[string]string
}

func expected(version, revision string) settings {
	var s config.Serve
	s.Bind(pflag.NewFlagSet("serve", pflag.ContinueOnError)) // fills in what is not said
	var ports []string
	for _, address := range []string{s.Listen, "127.0.0.1:9003"} {
		if _, port, err := net.SplitHostPort(address); err == nil {
			ports = append(ports, port)
		}
	}
	return settings{
		user: "65532:65532", entrypoint: []string{"/corsgate"}, command: []string{"serve", "--tenants", "/etc/corsgate/tenants"},
		health: []string{"/corsgate", "health"}, ports: ports,
		labels: map[string]string{
			"org.opencontainers.image.title":       "corsgate",
			"org.opencontainers.image.description": "CORS decisions for Envoy, per tenant",
			"org.opencontainers.image.source":      "https://github.com/corsgate/corsgate",
			"org.opencontainers.image.licenses":    build.License,
			"org.opencontainers.image.version":     version,
			"org.opencontainers.image.revision":    revision,
		},
	}
}

// inside is every file and every directory of its own of the image, and who owns it.
func inside() map[string]string {
	return map[string]string{
		"/corsgate":                          "0:0",
		"/etc/ssl/certs/ca-certificates.crt": "0:0",
		"/usr/share/doc/corsgate/LICENSE":    "0:0",
		"/usr/share/sbom/corsgate.cdx.json":  "0:0",
		"/var/lib/corsgate":                  "65532:65532",
	}
}

package gateway_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/e2e/harness"
)

const (
	// ownNetwork is set for the test inside a network of its own.
	ownNetwork = "CORSGATE_OWN_NETWORK"
	// hostProcessor is where corsgate listens there.
	hostProcessor = "127.0.0.1:9002"
	// hostListener is the listener of the Gateway.
	hostListener = "127.0.0.1:8888"
	// dataPlane names the directory in which Envoy Gateway looks for Envoy; any version will do.
	dataPlane = "1.40.0"
)

// TestEnvoyGateway runs Envoy Gateway itself, which reads the rendered resources from a file and runs
// Envoy. Its ports are fixed, so that the test runs itself once more in a network of its own, where
// nothing can be downloaded either.
func TestEnvoyGateway(t *testing.T) {
	binary := program(t, "envoy-gateway")
	envoyBinary := harness.EnvoyBinary(t)
	if os.Getenv(ownNetwork) == "" {
		apart(t)
		return
	}
	if out, err := exec.CommandContext(t.Context(), "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("switching loopback on: %v\n%s", err, out)
	}
	for _, form := range forms() {
		t.Run(string(form), func(t *testing.T) {
			app := harness.StartApp(t)
			admin := startGateway(t, binary, envoyBinary, resources(t, form, app.Addr, hostProcessor, harness.PatientTimeout))
			e := &edge{addr: hostListener, admin: harness.AdminAt(admin), app: app}
			for i, group := range corpus(t, form) {
				t.Run(strconv.Itoa(i), func(t *testing.T) {
					processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: tenants(t, group), Listen: hostProcessor})
					e.await(t)
					harness.SendVectors(t, e.addr, e.app, "c", group)
					if i > 0 {
						return
					}
					e.decided(t)
					e.inOrder(t, form)
					e.lint(t, "error") // the timeout of the test is a warning
					processor.Stop()
					e.undecided(t)
				})
			}
		})
	}
}

// apart runs this test again in a network of its own.
func apart(t *testing.T) {
	t.Helper()
	how := "-rn"
	if os.Geteuid() == 0 {
		how = "-n"
	}
	cmd := exec.CommandContext(t.Context(), "unshare", how, "--", os.Args[0], "-test.run=^TestEnvoyGateway$", "-test.v")
	cmd.Env = append(os.Environ(), ownNetwork+"=1", "CORSGATE_BINARY="+harness.CorsgateBinary(t))
	out, err := cmd.CombinedOutput()
	t.Logf("in a network of its own:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// startGateway runs Envoy Gateway with the resources until the test ends, waits for its Envoy, and
// gives the address of Envoy's administration.
func startGateway(t *testing.T, binary, envoyBinary string, list []document) (admin string) {
	t.Helper()
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	versions := at("data", "envoy-versions", dataPlane, "bin")
	for _, d := range []string{versions, at("resources"), at("state"), at("run")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(envoyBinary, filepath.Join(versions, "envoy")); err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.key() == "EnvoyProxy/corsgate" {
			d["spec"].(object)["provider"] = object{"type": "Host", "host": object{"envoyVersion": dataPlane}}
		}
	}
	write := func(path string, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(at("resources", "all.yaml"), stream(t, withBackends(list)))
	write(at("gateway.yaml"), fmt.Appendf(nil, `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider:
  type: Custom
  custom:
    resource: {type: File, file: {paths: [%q]}}
    infrastructure: {type: Host, host: {configHome: %q, dataHome: %q, stateHome: %q, runtimeDir: %q}}
extensionApis: {enableBackend: true, enableEnvoyPatchPolicy: true}
`, at("resources"), at("config"), at("data"), at("state"), at("run")))
	if out, err := exec.CommandContext(t.Context(), binary, "certgen", "--local", "--config-home", at("config")).CombinedOutput(); err != nil {
		t.Fatalf("making certificates: %v\n%s", err, out)
	}
	harness.StartProcess(t, "envoy-gateway", exec.Command(binary, "server", "--config-path", at("gateway.yaml")))
	harness.Eventually(t, "the listener", func() error {
		for _, path := range glob(at("run", "*", "admin-address.txt")) {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			admin = strings.TrimSpace(string(text))
		}
		if admin == "" {
			return errors.New("Envoy does not run yet")
		}
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", hostListener)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return admin
}

func glob(pattern string) []string {
	paths, _ := filepath.Glob(pattern) // the pattern is well-formed
	return paths
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestEnvoyTakesTheContenders: the configuration of all of them is one that the real Envoy accepts.
func TestEnvoyTakesTheContenders(t *testing.T) {
	program := os.Getenv("CORSGATE_ENVOY")
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CORSGATE_REQUIRE_ENVOY") != "" {
			t.Fatalf("no Envoy: %v", err)
		}
		t.Skip("no Envoy in CORSGATE_ENVOY (make tools fetches it)")
	}
	var boot *bootstrapv3.Bootstrap
	for i, c := range contenders() {
		one, err := c.bootstrap("127.0.0.1:9002", "127.0.0.1:4317", 8080)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if boot, err = merge(boot, one, i); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	if n := len(boot.GetStaticResources().GetListeners()); n != len(contenders())+1 {
		t.Errorf("%d listeners for %d contenders and the application", n, len(contenders()))
	}
	text, err := protojson.Marshal(boot)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "envoy.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "--mode", "validate", "--config-path", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCheck: a response that is not what it should be ends the measurement.
func TestCheck(t *testing.T) {
	const granted = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: https://app.acme.example\r\n\r\n"
	const bare = "HTTP/1.1 200 OK\r\nvary: Origin\r\n\r\n"
	for _, tt := range []struct {
		head string
		want expect
		ok   bool
	}{
		{granted, expect{"200", true}, true},
		{granted, expect{"200", false}, false},
		{granted, expect{"204", true}, false},
		{bare, expect{"200", false}, true},
		{bare, expect{"200", true}, false},
	} {
		if err := tt.want.check([]byte(tt.head)); (err == nil) != tt.ok {
			t.Errorf("%+v of %q: %v", tt.want, tt.head, err)
		}
	}
}

// TestLimits: ratios are taken round by round, and a limit can be broken.
func TestLimits(t *testing.T) {
	res := &result{}
	res.addLimit("a", []float64{2, 9, 40}, []float64{1, 3, 10}, 2.9, 0)
	res.addLimit("left out", []float64{1}, nil, 1, 0)
	if len(res.Limits) != 1 || res.Limits[0].Ratio != 3 || res.Limits[0].Least != 2 || res.Limits[0].Most != 4 || res.held() {
		t.Errorf("limits %+v", res.Limits)
	}
	if svg := (&result{Samples: []sample{{Contender: "plain Envoy", Kind: "preflight", Envoy: 100}}}).plot(); strings.Count(svg, `class="envoy"`) != 2 {
		t.Errorf("a plot of one bar and its legend: %s", svg)
	}
}

package sbom_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/sbom"
	"github.com/corsgate/corsgate/internal/sbom/sbomtest"
)

var update = flag.Bool("update", false, "write the golden file anew")

// sample has what a program of ours does not have today: a replaced module, a local one, and letters that a package URL escapes.
func sample() sbom.Program {
	return sbom.Program{
		Version: "v1.2.3", Revision: "0123456789abcdef", License: "Apache-2.0",
		Info: &debug.BuildInfo{
			GoVersion: "go1.26.8 X:jsonv2", Path: "example.com/shop/cmd/shop",
			Main: debug.Module{Path: "example.com/shop", Version: "(devel)"},
			Deps: []*debug.Module{
				{Path: "github.com/Some/Thing", Version: "v2.0.0+incompatible", Sum: "h1:c2FtcGxl="},
				{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.0.1", Sum: "h1:Zm9yaw=="}},
				{Path: "example.com/gone", Version: "v0.1.0", Replace: &debug.Module{Path: "../local"}},
			},
			Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "-s -w"}, {Key: "CGO_ENABLED", Value: "0"}, {Key: "-tags"}},
		},
	}
}

func written(t *testing.T, p sbom.Program) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sbom.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWrite(t *testing.T) {
	t.Parallel()
	got := written(t, sample())
	const golden = "testdata/sample.cdx.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := sbomtest.Valid(t, got); err != nil {
		t.Error(err)
	}
}

// The serial number is that of the content.
func TestSerialNumber(t *testing.T) {
	t.Parallel()
	serial := func(p sbom.Program) string {
		var d struct {
			SerialNumber string `json:"serialNumber"`
		}
		if err := json.Unmarshal(written(t, p), &d); err != nil {
			t.Fatal(err)
		}
		return d.SerialNumber
	}
	other := sample()
	other.Info.Deps[0].Version = "v2.0.1+incompatible"
	if a, b := serial(sample()), serial(other); a == b || a != serial(sample()) {
		t.Errorf("serial numbers: %s, and of another program %s", a, b)
	}
}

func TestProgramWithoutModules(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := sbom.Write(&b, sbom.Program{Info: &debug.BuildInfo{}}); err == nil || b.Len() > 0 {
		t.Errorf("error %v, and %d bytes were written", err, b.Len())
	}
	if err := sbom.Write(&b, sbom.Program{}); err == nil {
		t.Error("nothing at all has a bill")
	}
}

package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
)

// texts are the flags of serve that take a text or a list of texts.
func texts() []*pflag.Flag {
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	new(config.Serve).Bind(flags)
	var out []*pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) {
		if kind := f.Value.Type(); kind == "string" || kind == "stringSlice" {
			out = append(out, f)
		}
	})
	return out
}

// F44: a setting that is given and empty is a mistake, wherever it stands; else an unset variable of a script would switch
// off what the setting secures. The control are the settings whose help says what empty stands for.
func TestEmptySettings(t *testing.T) {
	const problem = "it is given and empty; give it a value or remove it"
	var permitted []string
	for _, f := range texts() {
		variable, key := config.Variable(f.Name), strings.ReplaceAll(f.Name, "-", "_")
		ways := []struct {
			source        string
			args, environ []string
			file          string
		}{
			{"--" + f.Name, []string{"--" + f.Name + "="}, nil, ""},
			{"--" + f.Name, []string{"--" + f.Name + "= "}, nil, ""},
			{variable, nil, []string{variable + "="}, ""},
		}
		if f.Name != "config" { // which the file cannot name
			ways = append(ways, struct {
				source        string
				args, environ []string
				file          string
			}{"FILE:1: " + key, []string{"--config=FILE"}, nil, key + `: ""`})
		}
		if f.Value.Type() == "stringSlice" && f.Name != "tenant-tier" {
			for _, text := range []string{"[]", `[""]`, `[a, ""]`, `["a,"]`} {
				ways = append(ways, struct {
					source        string
					args, environ []string
					file          string
				}{"FILE:1: " + key, []string{"--config=FILE"}, nil, key + ": " + text})
			}
		}
		found := 0
		for _, way := range ways {
			_, problems := resolve(t, way.args, way.environ, way.file)
			if slices.Contains(problems, way.source+": "+problem) {
				found++
			}
		}
		switch found {
		case len(ways):
		case 0:
			permitted = append(permitted, f.Name)
		default:
			t.Errorf("--%s: %d of %d ways to give nothing are refused", f.Name, found, len(ways))
		}
	}
	if diff := cmp.Diff([]string{"admin-listen", "rum-listen", "tenant-tier"}, permitted); diff != "" {
		t.Errorf("settings that may be empty (-want +got):\n%s", diff)
	}
}

// What is given and empty does what its help says, in the file, too.
func TestEmptyTiers(t *testing.T) {
	for name, give := range map[string]struct {
		args, environ []string
		file          string
	}{
		"flag":     {args: []string{"--tenants=.", "--tenant-tier="}},
		"variable": {args: []string{"--tenants=."}, environ: []string{"CORSGATE_TENANT_TIER="}},
		"file":     {args: []string{"--tenants=.", "--config=FILE"}, file: "tenant_tier: []"},
	} {
		s, problems := resolve(t, give.args, give.environ, give.file)
		if len(s.Telemetry.Tiers) != 0 || len(problems) != 0 {
			t.Errorf("%s: %q, %q", name, s.Telemetry.Tiers, problems)
		}
	}
}

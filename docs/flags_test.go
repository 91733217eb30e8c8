package docs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
)

// The table of flags has every flag of serve, in order of their definition, with the true default.
func TestFlagsOfServe(t *testing.T) {
	t.Parallel()
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	flags.SortFlags = false
	s.Bind(flags)
	var want [][2]string
	flags.VisitAll(func(f *pflag.Flag) {
		value := f.DefValue
		if value == "[]" {
			value = ""
		}
		want = append(want, [2]string{"--" + f.Name, value})
	})
	var got [][2]string
	for _, row := range table(t, read(t, "operations.md"), "flag") {
		got = append(got, [2]string{code(row["flag"]), code(row["default"])})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags of serve (-code +page):\n%s", diff)
	}
}

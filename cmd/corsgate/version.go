package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/build"
	"github.com/corsgate/corsgate/internal/sbom"
)

func (p *program) versionCommand() *cobra.Command {
	var bill bool
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print what was built",
		Long: "Prints one line: version, commit, version of Go, system and architecture.\n" +
			"With --sbom it prints the modules that are linked into this program instead, as CycloneDX 1.6 in JSON.",
		Example: "  corsgate version\n  corsgate version --sbom > corsgate.cdx.json",
	}
	cmd.Flags().BoolVar(&bill, "sbom", false, "print the bill of materials")
	return p.finish(leaf{cmd: cmd, run: func(context.Context, []string) error {
		if bill {
			return p.printBill()
		}
		_, err := fmt.Fprintln(p.stdout, "corsgate", build.Read())
		return err
	}})
}

// printBill prints the bill of materials of the running program.
func (p *program) printBill() error {
	info, _ := debug.ReadBuildInfo() // a nil one is refused below
	known := build.Read()
	return sbom.Write(p.stdout, sbom.Program{Info: info, Version: known.Version, Revision: known.Revision, License: build.License})
}

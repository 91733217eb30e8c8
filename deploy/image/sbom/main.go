// Command sbom writes the bill of materials of a built program, of any platform, to standard output. VERSION and REVISION are
// what the linker was told, which the program does not say before it runs; REVISION may be empty.
package main

import (
	"debug/buildinfo"
	"fmt"
	"os"

	"github.com/corsgate/corsgate/internal/build"
	"github.com/corsgate/corsgate/internal/sbom"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM VERSION REVISION")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(program, version, revision string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("reading what was built: %w", err)
	}
	return sbom.Write(os.Stdout, sbom.Program{Info: info, Version: version, Revision: revision, License: build.License})
}

package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what was built",
	}
	return p.finish(leaf{cmd: cmd, run: func(context.Context, []string) error {
		_, err := fmt.Fprintln(p.stdout, versionLine())
		return err
	}})
}

// versionLine is "corsgate VERSION (REVISION) GOVERSION OS/ARCH"; a build outside of a
// checkout has no revision.
func versionLine() string {
	version, revision := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = " (" + s.Value + ")"
			case s.Key == "vcs.modified" && s.Value == "true":
				revision += " modified"
			}
		}
	}
	return fmt.Sprintf("corsgate %s%s %s %s/%s", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

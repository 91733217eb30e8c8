// Package build says which version of the program this is.
package build

import (
	"runtime"
	"runtime/debug"
)

// Unreleased is the version of a build that nobody gave one: of a tree without its history, or with changes.
const Unreleased = "devel"

// License is the SPDX identifier of the program's license.
const License = "Apache-2.0"

// What the Dockerfile tells the linker by -X, because the history of the tree is not in the build's context. Empty in
// builds by go install and make build, which know their version from the module proxy or from git.
//
//corsgate:linker
var (
	linkedVersion  string //nolint:gochecknoglobals // -X sets strings of packages only; nothing of ours assigns to it
	linkedRevision string //nolint:gochecknoglobals // as above
)

// Info is what is known of a build.
type Info struct {
	// Version is a semantic version, a pseudo-version of Go or [Unreleased]; never empty.
	Version string
	// Revision is the commit, or empty where it is not known.
	Revision string
	// Modified says that the tree had changes beyond Revision.
	Modified bool
}

// Read gives what is known of the running program.
func Read() Info {
	info, _ := debug.ReadBuildInfo()
	return from(linkedVersion, linkedRevision, info)
}

// from prefers what the linker was told to what the go command knew. A nil info knows nothing.
func from(version, revision string, info *debug.BuildInfo) Info {
	i := Info{Version: version, Revision: revision}
	if info != nil && version == "" && info.Main.Version != "(devel)" {
		i.Version = info.Main.Version
	}
	if i.Version == "" {
		i.Version = Unreleased
	}
	if info == nil || version != "" || revision != "" {
		return i
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Revision = s.Value
		case "vcs.modified":
			i.Modified = s.Value == "true"
		}
	}
	return i
}

// String is "VERSION (REVISION) GOVERSION OS/ARCH" in one line; a build without a known revision has none there.
func (i Info) String() string {
	text := i.Version
	if i.Revision != "" {
		text += " (" + i.Revision + ")"
	}
	if i.Modified {
		text += " modified"
	}
	return text + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

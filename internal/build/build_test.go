package build

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	git := &debug.BuildInfo{
		Main:     debug.Module{Version: "v0.0.0-20260102030405-0123456789ab+dirty"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"}},
	}
	tests := []struct {
		name              string
		version, revision string
		info              *debug.BuildInfo
		want              Info
		text              string
	}{
		{name: "nothing is known", want: Info{Version: "devel"}, text: "devel"},
		{name: "a tree without history", info: &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, want: Info{Version: "devel"}, text: "devel"},
		{name: "a released module", info: &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, want: Info{Version: "v1.2.3"}, text: "v1.2.3"},
		{
			name: "a tree with history", info: git,
			want: Info{Version: "v0.0.0-20260102030405-0123456789ab+dirty", Revision: "0123", Modified: true},
			text: "v0.0.0-20260102030405-0123456789ab+dirty (0123) modified",
		},
		{name: "told by the linker", version: "1.2.3", revision: "89ab", info: git, want: Info{Version: "1.2.3", Revision: "89ab"}, text: "1.2.3 (89ab)"},
		// The revision of git could be that of another version than the linker was told.
		{name: "told a version only", version: "1.2.3", info: git, want: Info{Version: "1.2.3"}, text: "1.2.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := from(tt.version, tt.revision, tt.info)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if want := tt.text + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH; got.String() != want {
				t.Errorf("text %q, want %q", got, want)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	if got := Read(); got.Version == "" || strings.ContainsAny(got.Version, " ()") {
		t.Errorf("the version of this test is %+v", got)
	}
}

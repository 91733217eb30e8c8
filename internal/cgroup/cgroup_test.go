package cgroup_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/corsgate/corsgate/internal/cgroup"
)

func TestMemoryLimit(t *testing.T) {
	const self = "proc/self/cgroup"
	tests := []struct {
		name  string
		files map[string]string
		want  int64
		fails string
	}{
		{"no control groups", nil, 0, ""},
		{"version 2 in a container", map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 268435456, ""},
		{"version 2 without a limit", map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0, ""},
		{"version 2 without the controller", map[string]string{self: "0::/user.slice\n"}, 0, ""},
		{
			"version 2, where a group above has less", map[string]string{
				self: "0::/pods/a\n", "sys/fs/cgroup/pods/a/memory.max": "500\n", "sys/fs/cgroup/pods/memory.max": "300\n",
				"sys/fs/cgroup/pods/b/memory.max": "1\n",
			}, 300, "",
		},
		{
			"version 1 on a machine", map[string]string{
				self: "5:cpu,cpuacct:/a\n4:memory:/svc\n0::/\n", "sys/fs/cgroup/memory/svc/memory.limit_in_bytes": "1000\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			}, 1000, "",
		},
		{
			"version 1 in a container that sees its group as the mount", map[string]string{
				self: "4:memory:/docker/abc\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000\n",
			}, 2000, "",
		},
		{"version 1 without a limit", map[string]string{self: "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0, ""},
		{"a path that leads out of the mount", map[string]string{self: "0::/../../etc\n", "etc/memory.max": "1\n", "sys/fs/cgroup/memory.max": "2\n"}, 2, ""},
		{"lines of no form", map[string]string{self: "\nx\n:\n"}, 0, ""},
		{"a limit of no form", map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "much\n"}, 0, "/sys/fs/cgroup/memory.max"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := cgroup.MemoryLimit(root)
			if got != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%d, %v; want %d and an error of %q", got, err, tt.want, tt.fails)
			}
		})
	}
}

// Whatever this machine is, its files can be read.
func TestMemoryLimitHere(t *testing.T) {
	if got, err := cgroup.MemoryLimit(os.DirFS("/")); err != nil || got < 0 {
		t.Errorf("%d, %v", got, err)
	}
}

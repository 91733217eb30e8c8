// Package cgroup reads how much memory the kernel grants this process.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// unlimited is what version 1 says for no limit, rounded down to a power of two.
const unlimited = 1 << 62

// MemoryLimit is the least limit, in bytes, of the control group of this process and
// those above it, of version 1 or 2; 0 when there is none. root is the file system
// from "/".
func MemoryLimit(root fs.FS) (int64, error) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // not Linux
	}
	if err != nil {
		return 0, fmt.Errorf("reading the control group: %w", err)
	}
	least := int64(0)
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path; version 2 is hierarchy 0, without controllers.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch {
		case strings.Contains(","+parts[1]+",", ",memory,"):
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case parts[0] != "0":
			continue
		}
		limit, err := leastOf(root, mount, parts[2], file)
		if err != nil {
			return 0, err
		}
		least = lower(least, limit)
	}
	return least, nil
}

// leastOf is the least limit in the files named file of group and those above it. A container
// often sees its own group as the mount itself: then only that one is there.
func leastOf(root fs.FS, mount, group, file string) (int64, error) {
	least := int64(0)
	for group = path.Join("/", group); ; group = path.Dir(group) {
		limit, err := read(root, path.Join(mount, group, file))
		if err != nil {
			return 0, err
		}
		least = lower(least, limit)
		if group == "/" {
			return least, nil
		}
	}
}

// read is the limit in one file, and 0 when it has none or is not there.
func read(root fs.FS, name string) (int64, error) {
	text, err := fs.ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the memory limit: %w", err)
	}
	text = bytes.TrimSpace(text)
	if string(text) == "max" {
		return 0, nil
	}
	limit, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the memory limit in /%s: %w", name, err)
	}
	if limit >= unlimited {
		return 0, nil
	}
	return int64(limit), nil
}

// lower is the lower of two limits, of which 0 is none.
func lower(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

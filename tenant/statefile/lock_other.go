//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package statefile

import (
	"errors"
	"os"
)

// flock fails: without a lock nothing is written.
func flock(*os.File) error { return errors.ErrUnsupported }

package statefile

import (
	"fmt"
	"os"
)

// lockFile is the lock that this process holds on a directory.
type lockFile struct{ *os.File }

// acquire takes the lock of the directory, and makes the directory when it is not there.
func (f *File) acquire() error {
	if f.lock != nil {
		if sameFile(f.lock.File, f.path(lockName)) {
			return nil
		}
		// The directory was removed or exchanged: the lock that others see is another one.
		f.lock.Close()
		f.lock = nil
	}
	if err := f.step("lock"); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	file, err := os.OpenFile(f.path(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the lock of the state directory: %w", err)
	}
	if err := flock(file); err != nil {
		file.Close()
		return fmt.Errorf("locking the state directory %s: %w", f.dir, err)
	}
	f.lock = &lockFile{file}
	// Somebody may have had the log meanwhile. What this process wrote is still in front of it.
	f.rewrite = f.log != nil
	return nil
}

// sameFile reports whether path leads to an open file.
func sameFile(file *os.File, path string) bool {
	at, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := file.Stat()
	return err == nil && os.SameFile(at, open)
}

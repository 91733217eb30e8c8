package dashboards

import (
	"fmt"
	"os"
	"path/filepath"
)

// All are the dashboards, the one to begin with first.
func All() []Dashboard { return []Dashboard{Executive(), OnCall(), Debug()} }

// Write writes every dashboard into a directory, each into a file named after its UID.
func Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // files of a repository, for everybody to read
		return fmt.Errorf("writing dashboards: %w", err)
	}
	for _, d := range All() {
		text, err := d.JSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, d.UID+".json"), text, 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("writing dashboard %s: %w", d.UID, err)
		}
	}
	return nil
}

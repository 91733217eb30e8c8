package replica

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// earlierFile is what earlier versions wrote into the same directory.
const earlierFile = "tenants.log"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// restore decides by what the last run left. The store has yet to confirm it.
func (r *Replica) restore(ctx context.Context) {
	if r.backup == nil {
		return
	}
	began := time.Now()
	r.backup.tidy()
	if path := filepath.Join(filepath.Dir(r.opt.Backup), earlierFile); exists(path) {
		r.opt.Log.InfoContext(ctx, "a file of an earlier version with tenants is not read any more; it can be removed", "path", path)
	}
	var texts map[string][]byte
	var m mark
	for _, path := range [...]string{r.opt.Backup, r.opt.Backup + previousSuffix} {
		file, err := os.Open(path)
		if err == nil {
			if texts, m, err = readTexts(file, r.opt.Identity); err == nil {
				r.backup.resume(file, m)
				break
			}
			_ = file.Close() // read only
		}
		texts = nil
		if !errors.Is(err, os.ErrNotExist) {
			r.opt.Log.WarnContext(ctx, "a backup of the tenants cannot be used", "path", path, "error", err)
		}
	}
	if len(texts) == 0 {
		return
	}
	all := make([]store.Document, 0, len(texts))
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, store.Document{ID: id, Data: texts[id]})
	}
	documents := r.decode(all)
	rules := r.rules()
	rules.Holders = m.Holders
	next, _ := r.snapshot.Load().Merge(updatesOf(documents), rules)
	// A time that makes no sense is long ago, but not before time began.
	age := min(max(0, time.Since(m.At)), math.MaxInt64/2)
	r.trust.Restore(m.Memory)
	r.position = m.Position
	r.snapshot.Store(next)
	r.lastContact.Store(-int64(age))
	r.primed.Store(true)
	r.set(func(s *state) bool { s.position, s.epoch = m.Position, m.Epoch; return true })
	r.opt.Log.InfoContext(ctx, "deciding by the backup of the last run", "tenants", next.Tenants(), "saved_at", m.At,
		"took", time.Since(began).Round(time.Millisecond).String())
	r.opt.OnChange()
}

// readTexts reads a whole backup.
func readTexts(file *os.File, identity string) (map[string][]byte, mark, error) {
	texts := make(map[string][]byte)
	m, err := readBackup(file, identity, func(id string, text []byte) {
		if len(text) == 0 {
			delete(texts, id)
		} else {
			texts[id] = text
		}
	})
	return texts, m, err
}

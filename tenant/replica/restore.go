package replica

import (
	"context"
	"errors"
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
	var documents []loaded
	var m mark
	for _, path := range [...]string{r.opt.Backup, r.opt.Backup + previousSuffix} {
		file, err := os.Open(path)
		if err == nil {
			if documents, m, err = r.readDocuments(file); err == nil {
				r.backup.resume(file, m)
				break
			}
			_ = file.Close() // read only
		}
		documents = nil
		if !errors.Is(err, os.ErrNotExist) {
			r.opt.Log.WarnContext(ctx, "a backup of the tenants cannot be used", "path", path, "error", err)
		}
	}
	if len(documents) == 0 {
		return
	}
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

// readDocuments reads a whole backup, and compiles what it has as it goes: the texts together may be larger than there
// is memory for.
func (r *Replica) readDocuments(file *os.File) ([]loaded, mark, error) {
	var batch []store.Document
	var all []loaded
	var since int64                     // see fit
	at, size := make(map[string]int), 0 // the place in all, by id; what the batch has of text
	flush := func() {
		page := r.decode(batch)
		for _, d := range page {
			d.text = nil
			if i, again := at[d.ID]; again {
				all[i] = d
				continue
			}
			at[d.ID] = len(all)
			all = append(all, d)
		}
		r.fit(all, page, &since)
		batch, size = batch[:0], 0
	}
	m, err := readBackup(file, r.opt.Identity, func(id string, text []byte) {
		if len(text) == 0 {
			text = nil
		}
		size += len(text)
		if batch = append(batch, store.Document{ID: id, Data: text}); len(batch) == maxPage || size > pageBytes {
			flush()
		}
	})
	flush()
	all = slices.DeleteFunc(all, func(d loaded) bool { return d.Bytes == 0 }) // removed later
	return all, m, err
}

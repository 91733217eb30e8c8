package replica_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// TestResumesFromTheBackup: with a copy from which the changes lead on, nothing is read but what has changed.
func TestResumesFromTheBackup(t *testing.T) {
	scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
		w.signed()
		docs := many(500)
		w.write(docs...)
		w.start()
		w.wantAll(docs, "live v1")
		step(2 * time.Second)
		w.crash()
		w.write(simple("t3", "v2"), simple("new", "v1"))
		w.bury(simple("t4", "v1"))
		w.Lose("t5")
		w.Announce("t5", store.KindDelete, 0)
		w.Delay(time.Millisecond)
		read, listed := w.Calls(storetest.OpDocuments), w.Calls(storetest.OpIDs)
		w.start()
		w.wantAll(docs[6:], "live v1")
		w.want("t3.example", "live v2")
		w.want("t4.example", "unknown") // the withdrawal came after the backup
		w.want("t5.example", "unknown")
		w.want("new.example", "live v1")
		w.want("nobody.example", "unknown")
		if n := w.Calls(storetest.OpDocuments) - read; n != 1 || w.Calls(storetest.OpIDs) != listed {
			w.t.Errorf("%d reads and %d listings", n, w.Calls(storetest.OpIDs)-listed)
		}
		w.count(map[string]int64{"resyncs": 0, "changes": 4})
	})
}

// TestBackupBeforeTheStoreAnswers: it decides from the first moment, and says that it is from the backup.
func TestBackupBeforeTheStoreAnswers(t *testing.T) {
	scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
		docs := many(300)
		w.write(docs...)
		w.write(doc{id: "all", text: "all", hosts: []string{"*"}})
		w.start()
		step(2 * time.Second)
		w.crash()
		w.Delay(200 * time.Millisecond)
		w.start()
		w.wantAll(docs, "disk v1")
		w.want("other.test", "disk all")
		step(time.Second)
		w.wantAll(docs, "live v1")
	})
}

// TestBackupFromTheFuture: a wall clock that went back makes a copy new, not eternal.
func TestBackupFromTheFuture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := replica.Options{MaxBackupAge: time.Minute, Backup: filepath.Join(dir, "backup")}
	for _, later := range []time.Duration{24 * time.Hour, 0} { // each bubble begins at the same time
		synctest.Test(t, func(t *testing.T) {
			w := &world{Memory: storetest.NewMemory(), t: t, opt: opt}
			step(later)
			if later == 0 {
				w.Fail(errGone)
			}
			w.write(simple("a", "v1"))
			w.start()
			defer w.stop()
			if later > 0 {
				return
			}
			w.want("a.example", "disk v1")
			step(59 * time.Second)
			w.want("a.example", "disk v1")
			step(2 * time.Second)
			w.want("a.example", "unavailable")
		})
	}
}

// runOnce runs a replica of a store that is gone on a backup, has it looked at, and returns what it logged.
func runOnce(t *testing.T, backup, identity string, look func(w *world)) string {
	t.Helper()
	var log bytes.Buffer
	w := &world{Memory: storetest.NewMemory(), t: t, opt: replica.Options{Backup: backup, Identity: identity, BackupInterval: time.Second}}
	w.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.Fail(errGone)
	w.start()
	look(w)
	w.stop()
	return log.String()
}

// makeBackup has a replica write a backup of one tenant.
func makeBackup(t *testing.T, path, text string) []byte {
	t.Helper()
	w := &world{Memory: storetest.NewMemory(), t: t, opt: replica.Options{Backup: path, Identity: "registry"}}
	w.write(simple("a", text))
	w.start()
	w.stop()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const unusable = "a backup of the tenants cannot be used"

// TestDamagedBackup: whatever byte is another one, and wherever the file ends, the backup before it decides, or none,
// and the log says so.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		earlier := makeBackup(t, filepath.Join(dir, "earlier"), "v1")
		good := makeBackup(t, filepath.Join(dir, "good"), "v2")
		path := filepath.Join(dir, "damaged")
		try := func(data []byte, what string) {
			t.Helper()
			for _, previous := range []bool{false, true} {
				for name, data := range map[string][]byte{path: data, path + ".previous": earlier} {
					if err := os.WriteFile(name, data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if !previous {
					if err := os.Remove(path + ".previous"); err != nil {
						t.Fatal(err)
					}
				}
				log := runOnce(t, path, "registry", func(w *world) {
					w.want("a.example", map[bool]string{false: "unavailable", true: "disk v1"}[previous])
				})
				if strings.Count(log, unusable) != 1 {
					t.Errorf("logged:\n%s", log)
				}
				if t.Failed() {
					t.Fatalf("%s, with an earlier backup: %v", what, previous)
				}
			}
		}
		for i := range good {
			for _, flip := range []byte{1, 0xff} {
				data := bytes.Clone(good)
				data[i] ^= flip
				try(data, fmt.Sprintf("byte %d of %d is %#x", i, len(good), data[i]))
			}
			try(good[:i], fmt.Sprintf("cut at %d of %d", i, len(good)))
			if i%5 != 0 {
				continue
			}
			try(append(bytes.Clone(good[:i]), make([]byte, len(good)-i)...), fmt.Sprintf("zeros from %d of %d", i, len(good)))
		}
	})
}

// TestBackupOfAnotherRegistry is not used, nor is the file of an earlier version, and the log says so once.
func TestBackupOfAnotherRegistry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "backup")
		makeBackup(t, path, "v1")
		left := path + ".123.new"
		for _, name := range []string{left, filepath.Join(dir, "tenants.log")} {
			if err := os.WriteFile(name, []byte("cgtenant"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		log := runOnce(t, path, "registry", func(w *world) { w.want("a.example", "disk v1") })
		if n := strings.Count(log, "earlier version"); n != 1 || strings.Contains(log, unusable) {
			t.Errorf("logged:\n%s", log)
		}
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Errorf("what a killed run left is there still: %v", err)
		}
		log = runOnce(t, path, "other", func(w *world) { w.want("a.example", "unavailable") })
		if n := strings.Count(log, "it is of another registry"); n != 1 {
			t.Errorf("logged:\n%s", log)
		}
	})
}

// TestContestedHostOverARestart: the tenant that held a host before another one listed it, too, holds it after a restart
// without the store.
func TestContestedHostOverARestart(t *testing.T) {
	scene(t, replica.Options{BackupInterval: time.Second}, func(w *world) {
		b := doc{id: "b", text: "b", hosts: []string{"b.example", "x.example"}}
		w.write(b, doc{id: "c", text: "c", hosts: []string{"c.example"}})
		w.start()
		w.write(doc{id: "a", text: "a", hosts: []string{"a.example", "x.example"}}, doc{id: "c", text: "c", hosts: []string{"c.example", "x.example"}})
		step(2 * time.Second)
		w.want("x.example", "live b")
		w.crash()
		w.Fail(errGone)
		for range 2 {
			w.start()
			w.want("x.example", "disk b")
			w.crash()
		}
		w.Fail(nil)
		w.start()
		w.want("x.example", "live b")
	})
}

// TestDirectoryOfTheBackupIsMissing: the replica follows all the same, says what is wrong, and writes the backup when it
// can.
func TestDirectoryOfTheBackupIsMissing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		w := &world{Memory: storetest.NewMemory(), t: t}
		w.opt = replica.Options{Backup: filepath.Join(dir, "backup"), BackupInterval: time.Second, ResyncInterval: time.Minute}
		w.write(simple("a", "v1"))
		w.start()
		step(5 * time.Second)
		w.want("a.example", "live v1")
		if s := w.m.Status(); s.BackupErr == nil || !s.BackupAt.IsZero() || !s.Following {
			t.Errorf("without a directory: %+v", s)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		w.write(simple("a", "v2"))
		step(2 * time.Minute)
		if s := w.m.Status(); s.BackupErr != nil || s.BackupAt.IsZero() {
			t.Errorf("with a directory: %+v", s)
		}
		w.crash()
		w.Fail(errGone)
		w.start()
		w.want("a.example", "disk v2")
		w.stop()
	})
}

// TestCrashLosesNoChange: the backup and the changes after it are the store, whenever the crash was.
func TestCrashLosesNoChange(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			scene(t, replica.Options{BackupInterval: time.Second, Limit: tenant.MassChangeLimit{Tenants: 1000}}, func(w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				w.signed()
				docs := many(20)
				w.write(docs...)
				w.start()
				want := make(map[string]string)
				for range 5 {
					w.Delay(time.Duration(random.IntN(60)) * time.Millisecond)
					for range random.IntN(200) {
						id := docs[random.IntN(20)].id
						switch random.IntN(10) {
						case 0:
							w.bury(simple(id, ""))
							want[id] = "unknown"
						case 1:
							w.Lose(id)
							w.Announce(id, store.KindDelete, 0)
							want[id] = "unknown"
						default:
							text := fmt.Sprintf("v%d", random.IntN(1000))
							want[id] = "live " + text
							w.write(simple(id, text))
						}
						if random.IntN(4) == 0 {
							step(time.Duration(random.IntN(40)) * time.Millisecond)
						}
					}
					w.restart()
					w.Delay(0)
					step(2 * time.Second)
					for _, id := range slices.Sorted(maps.Keys(want)) {
						w.want(id+".example", want[id])
					}
					if w.m.Stats().Resyncs != 0 {
						w.t.Error("everything was read again")
					}
				}
			})
		})
	}
}

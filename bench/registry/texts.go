package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/bench/seed"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
)

// wide is document with other origins, so many.
func wide(i, origins int) []byte {
	all := make([]string, origins)
	for o := range all {
		all[o] = fmt.Sprintf(`"https://customer-%05d.t%07d.example"`, o, i)
	}
	return fmt.Appendf(nil, `{"id":%q,"hosts":[%q],"policy":{"origins":[%s],"methods":["GET","PUT","DELETE"],`+
		`"request_headers":["content-type","authorization"],"credentials":true},"revision":"1"}`,
		tenantID(i), tenantHost(i), strings.Join(all, ","))
}

// texts measures what a byte of a document costs in memory, without a limit and in a container of 256 MiB for which
// there are more documents than it can hold.
func texts(b *bench) {
	const limit = 230 << 20
	for _, set := range []struct{ tenants, origins int }{{b.scaled(100_000), 8}, {b.scaled(200), 9000}} {
		s := redistest.Start(b.tb, redistest.Options{})
		size := len(wide(0, set.origins))
		b.check(seed.Fill(b.ctx, s, set.tenants, func(i int) seed.Tenant {
			return seed.Tenant{ID: tenantID(i), Host: tenantHost(i), Document: wide(i, set.origins)}
		}), "setting up")
		for _, share := range []int64{0, 8, 6, 4} {
			dir, err := os.MkdirTemp("", "corsgate-bench-")
			b.check(err, "making a directory")
			b.tb.Cleanup(func() { _ = os.RemoveAll(dir) })
			t := task{Addr: s.Addr(), Dir: dir, Origins: set.origins}
			name := fmt.Sprintf("%d origins", set.origins)
			if share > 0 {
				t.MemoryLimit, t.Budget = limit, limit/share
				name += fmt.Sprintf(", budget 1/%d of 230 MiB", share)
			}
			got := b.child(t)
			text := float64(got.Tenants*size) / (1 << 20)
			b.report(name+": texts in force", text, "MB", -1)
			b.report(name+": heap for a byte of text", got.Live/text, "", -1)
			b.report(name+": resident at most", got.Peak, "MB", -1)
			b.report(name+": resident at most, for a byte of text", got.Peak/text, "", -1)
			b.report(name+": ready", got.Ready, "s", -1)
			b.report(name+": processor time", got.CPU, "s", -1)
			b.report(name+": of it for garbage", got.GC, "s", -1)
		}
	}
}

// weigh copies a registry, and reads everything once more.
func (t task) weigh(out io.Writer) error {
	if t.MemoryLimit > 0 {
		debug.SetMemoryLimit(t.MemoryLimit)
	}
	source, err := redisstore.New(redisstore.Options{Addresses: []string{t.Addr}})
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	began := time.Now()
	r, err := replica.New(replica.Options{
		Source: source, Backup: filepath.Join(t.Dir, "backup"), Identity: "bench", MaxBytes: t.Budget, BackupInterval: time.Second,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running errgroup.Group
	running.Go(func() error { return r.Run(ctx) })
	for !r.Status().Following || r.Status().BackupAt.IsZero() {
		time.Sleep(time.Millisecond)
	}
	got := outcome{Ready: time.Since(began).Seconds(), Tenants: r.Status().Tenants}
	if got.Peak, err = resident("VmHWM:"); err != nil {
		return err
	}
	used := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/user:cpu-seconds"}}
	runtime.GC()
	runtime.GC() // what the first one finalised
	metrics.Read(used)
	got.GC = used[0].Value.Float64()
	got.CPU = got.GC + used[1].Value.Float64()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	got.Live = float64(m.HeapAlloc) / (1 << 20)
	cancel()
	if err := running.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(got)
}

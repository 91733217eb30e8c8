package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/bench/cputime"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/ondemand"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
)

// maxRounds is how often a registry that loads on demand is asked for everything.
const maxRounds = 5

// childCommand makes this program the process whose memory is measured.
const childCommand = "child-of-the-benchmark"

// task is what the child does.
type task struct {
	Addr string `json:"addr"`
	// Dir is where the backup of a replica is; "" for a registry that loads on demand.
	Dir string `json:"dir"`
	Hot int    `json:"hot"` // tenants to ask for
	// Origins is for documents that have so many; see [texts].
	Origins int `json:"origins"`
	// MemoryLimit is that of the Go runtime, Budget the one of the texts, in bytes; 0 for none.
	MemoryLimit int64 `json:"memory_limit"`
	Budget      int64 `json:"budget"`
}

// outcome is what it prints.
type outcome struct {
	Ready    float64 // s, to the first decision
	CPU      float64 // s, of all processors until then
	Resident float64 // MB
	Peak     float64 // MB that was resident, at most
	Live     float64 // MB of heap in use after all garbage is gone
	GC       float64 // s of all processors for collecting garbage
	Tenants  int
	// Cold decisions were not right the first time, when each tenant had to be loaded; Wrong
	// ones later.
	Cold, Wrong int
}

// size measures 100,000 tenants: memory, start from Redis, start from disk.
func size(b *bench) {
	n := b.scaled(100_000)
	s := redistest.Start(b.tb, redistest.Options{})
	b.fill(s, n)
	dir, err := os.MkdirTemp("", "corsgate-bench-")
	b.check(err, "making a directory")
	b.tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	cold := b.child(task{Addr: s.Addr(), Dir: dir, Hot: n})
	b.report(fmt.Sprintf("%d tenants: ready from Redis", n), cold.Ready, "s", 2)
	b.report("processor time until then", cold.CPU, "s", -1)
	b.report(fmt.Sprintf("%d tenants: resident, all of them asked", n), cold.Resident, "MB", 260)
	b.report("wrong decisions", float64(cold.Cold+cold.Wrong), "", 0)
	s.Kill()
	warm := b.child(task{Addr: s.Addr(), Dir: dir, Hot: n})
	b.report(fmt.Sprintf("%d tenants: ready from the backup, without Redis", n), warm.Ready, "s", 2)
	b.report("processor time until then, from the backup", warm.CPU, "s", -1)
	b.report("resident, from the backup", warm.Resident, "MB", 260)
	b.report("wrong decisions, from the backup", float64(warm.Cold+warm.Wrong), "", 0)
}

// onDemand measures a registry that is too large to be copied.
func onDemand(b *bench) {
	n, hot := b.scaled(1_000_000), b.scaled(100_000)
	s := redistest.Start(b.tb, redistest.Options{})
	b.fill(s, n)
	got := b.child(task{Addr: s.Addr(), Hot: hot})
	b.report(fmt.Sprintf("%d of %d tenants hot: resident", hot, n), got.Resident, "MB", 512)
	b.report("ready", got.Ready, "s", -1)
	b.report("closed answers while all were loaded at once", float64(got.Cold), "", -1)
	b.report("wrong or closed answers afterwards", float64(got.Wrong), "", 0)
}

func (b *bench) child(t task) outcome {
	text, err := json.Marshal(t)
	b.check(err, "describing the task")
	self, err := os.Executable()
	b.check(err, "finding this program")
	cmd := exec.CommandContext(b.ctx, self, childCommand, string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	b.check(err, "running the child")
	var got outcome
	b.check(json.Unmarshal(out, &got), "reading what the child says")
	return got
}

func child(args []string) int {
	var t task
	err := json.Unmarshal([]byte(args[0]), &t)
	switch {
	case err != nil:
	case t.Origins > 0:
		err = t.weigh(os.Stdout)
	default:
		err = t.run(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (t task) run(out io.Writer) error {
	began := time.Now()
	source, err := redisstore.New(redisstore.Options{Addresses: []string{t.Addr}})
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	r, ready, run, err := t.registry(source)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running errgroup.Group
	running.Go(func() error { return run(ctx) })
	var got outcome
	for !ready() {
		time.Sleep(time.Millisecond)
	}
	got.Ready = time.Since(began).Seconds()
	used, err := cputime.Of(os.Getpid())
	if err != nil {
		return err
	}
	got.CPU = used.Seconds()
	got.Cold = t.askAll(r)
	for range maxRounds { // until what was too slow for a request is loaded, too
		if got.Wrong = t.askAll(r); got.Wrong == 0 {
			break
		}
	}
	if t.Dir != "" {
		time.Sleep(3 * time.Second) // the disk follows
	}
	if got.Resident, err = resident("VmRSS:"); err != nil {
		return err
	}
	cancel()
	if err := running.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(got)
}

// registry is a copy of the source, or one that loads on demand.
func (t task) registry(source store.Source) (r tenant.Registry, ready func() bool, run func(context.Context) error, err error) {
	if t.Dir == "" {
		r, err := ondemand.New(ondemand.Options{Source: source, MaxTenants: t.Hot + t.Hot/5})
		if err != nil {
			return nil, nil, nil, err
		}
		return r, func() bool { return r.Status().Ready }, r.Run, nil
	}
	c, err := replica.New(replica.Options{Source: source, Backup: filepath.Join(t.Dir, "backup"), Identity: "bench", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return nil, nil, nil, err
	}
	return c, func() bool { return c.Status().Ready }, c.Run, nil
}

// askAll decides for every hot tenant, as 32 requests at a time would.
func (t task) askAll(r tenant.Registry) int {
	const askers = 32
	wrong := make([]int, askers)
	var group errgroup.Group
	for a := range askers {
		group.Go(func() error {
			for i := a; i < t.Hot; i += askers {
				v, _ := ask(r, tenantHost(i))
				if !allows(&v, tenantHost(i), listed(i)) {
					wrong[a]++
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	total := 0
	for _, n := range wrong {
		total += n
	}
	return total
}

// resident is the memory of this process that is in RAM, in MB: now, VmRSS:, or at most so far, VmHWM:.
func resident(field string) (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), field); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024, err
		}
	}
	return 0, lines.Err()
}

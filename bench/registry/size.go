package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/mirror"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/statefile"
)

// childCommand makes this program the process whose memory is measured.
const childCommand = "child-of-the-benchmark"

// task is what the child does.
type task struct {
	Addr  string `json:"addr"`
	Dir   string `json:"dir"`
	Lazy  bool   `json:"lazy"`
	Hot   int    `json:"hot"`   // tenants to ask for
	Total int    `json:"total"` // tenants there are
}

// outcome is what it prints.
type outcome struct {
	Ready    float64 // s, to the first decision
	Resident float64 // MB
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
	cold := b.child(task{Addr: s.Addr(), Dir: dir, Hot: n, Total: n})
	b.report(fmt.Sprintf("%d tenants: ready from Redis", n), cold.Ready, "s", 6)
	b.report(fmt.Sprintf("%d tenants: resident, all of them asked", n), cold.Resident, "MB", 300)
	b.report("wrong decisions", float64(cold.Cold+cold.Wrong), "", 0)
	s.Kill()
	warm := b.child(task{Addr: s.Addr(), Dir: dir, Hot: n, Total: n})
	b.report(fmt.Sprintf("%d tenants: ready from disk, without Redis", n), warm.Ready, "s", 3)
	b.report("resident, from disk", warm.Resident, "MB", 300)
	b.report("wrong decisions, from disk", float64(warm.Cold+warm.Wrong), "", 0)
}

// lazy measures a registry that is too large to be primed.
func lazy(b *bench) {
	n, hot := b.scaled(1_000_000), b.scaled(100_000)
	s := redistest.Start(b.tb, redistest.Options{})
	b.fill(s, n)
	got := b.child(task{Addr: s.Addr(), Lazy: true, Hot: hot, Total: n})
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
	if err == nil {
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
	r, err := redisstore.New(redisstore.Options{Addresses: []string{t.Addr}})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	opt := mirror.Options{Reader: r, Lazy: t.Lazy, MaxTenants: t.Hot + t.Hot/5}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var group errgroup.Group
	if t.Dir != "" {
		state, err := statefile.New(statefile.Options{Dir: filepath.Join(t.Dir, "state"), Identity: "bench", ValidID: tenant.ValidID})
		if err != nil {
			return err
		}
		opt.State = state
		stateCtx, stop := context.WithCancel(context.Background())
		group.Go(func() error { return state.Run(stateCtx) })
		defer func() { stop(); _ = group.Wait() }()
	}
	m, err := mirror.New(opt)
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.Go(func() error { return m.Run(ctx) })
	var got outcome
	for !m.Status().Ready {
		time.Sleep(time.Millisecond)
	}
	got.Ready = time.Since(began).Seconds()
	got.Cold = t.askAll(m)
	got.Wrong = t.askAll(m)
	if t.Dir != "" {
		time.Sleep(3 * time.Second) // the disk follows
	}
	got.Resident, err = resident()
	if err != nil {
		return err
	}
	cancel()
	if err := running.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(got)
}

// askAll decides for every hot tenant, as 32 requests at a time would.
func (t task) askAll(m *mirror.Mirror) int {
	const askers = 32
	wrong := make([]int, askers)
	var group errgroup.Group
	for a := range askers {
		group.Go(func() error {
			for i := a; i < t.Hot; i += askers {
				v, _ := ask(m, tenantHost(i))
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

// resident is the memory of this process that is in RAM, in MB.
func resident() (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024, err
		}
	}
	return 0, lines.Err()
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// soakLooks is how often the heap is looked at; the first look comes after a tenth of the time, when everything that
	// is kept is there.
	soakLooks = 9
	// soakGrowth is how much the live heap of the last third may exceed that of the first, in bytes.
	soakGrowth = 512 << 10
	soakRate   = 1500 // requests a second of all kinds
)

// soak keeps corsgate in design C busy with all kinds of requests, and looks at its live heap.
func (l *lab) soak() bool {
	r := l.start(l.redis(tenants{n: 1000}), contender{name: "corsgate, c", filters: "c", server: corsgateServer})[0]
	end := time.Now().Add(l.soakFor)
	var heap []int64
	group, ctx := errgroup.WithContext(l.tb.Context())
	group.Go(func() error {
		for i := 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
			k := kinds()[i%len(kinds())]
			some := func(lane, n int) []byte { return k.request(hostOf((i*31 + n*l.connections + lane) % 1000)) }
			if _, err := r.pace(ctx, time.Second, soakRate, some, r.expected(k)); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
		return ctx.Err()
	})
	group.Go(func() error {
		for i := range soakLooks {
			at := l.soakFor/10 + time.Duration(i)*l.soakFor/10
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Until(end.Add(at - l.soakFor))):
			}
			live, err := r.liveHeap(ctx)
			if err != nil {
				return err
			}
			rss, err := r.processor.resident()
			if err != nil {
				return err
			}
			heap = append(heap, live)
			fmt.Printf("after %s: live heap and headroom %.2f MiB, resident %.1f MiB\n", at.Round(time.Second), float64(live)/(1<<20), float64(rss)/(1<<20))
		}
		return nil
	})
	l.check(group.Wait(), "soaking")
	third := len(heap) / 3
	first, last := slices.Max(heap[:third]), slices.Min(heap[len(heap)-third:])
	fmt.Fprintf(os.Stdout, "the live heap grew by %.2f MiB in %s\n", float64(last-first)/(1<<20), l.soakFor)
	return last-first <= soakGrowth
}

// liveHeap collects garbage and returns what is left, with the headroom that the program sets aside and never touches.
func (r *rig) liveHeap(ctx context.Context) (int64, error) {
	text, err := get(ctx, r.pages+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`# HeapAlloc = (\d+)`).FindSubmatch(bytes.TrimSpace(text))
	if found == nil {
		return 0, errors.New("the heap profile does not say how much is allocated")
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	return n, err
}

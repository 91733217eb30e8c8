package harness

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Load describes requests that are sent over and over.
type Load struct {
	// Workers send at the same time, each over its own kept-alive connection.
	Workers int
	// Rate is the requests a second of all workers together; 0 means as fast as they can.
	Rate int
	// Request makes the i-th request. Its context is replaced.
	Request func(i int) *http.Request
	// Check says what is wrong with a response, in a few constant words, or "".
	Check func(*http.Response) string
}

// LoadReport is what became of a load.
type LoadReport struct {
	Requests int
	// Status counts responses by status.
	Status map[int]int
	// Wrong counts responses by what Check said.
	Wrong map[string]int
	// Errors counts requests without a response, by cause.
	Errors map[string]int
	// Median, P99 and Max are of the time until the end of the response.
	Median, P99, Max time.Duration
}

// Failed is the number of requests that were answered wrongly or not at all.
func (r *LoadReport) Failed() int {
	n := 0
	for _, k := range r.Wrong {
		n += k
	}
	for _, k := range r.Errors {
		n += k
	}
	return n
}

// String is the report in one line.
func (r *LoadReport) String() string {
	return fmt.Sprintf("%d requests, status %v, wrong %v, errors %v, median %v, p99 %v, max %v",
		r.Requests, r.Status, r.Wrong, r.Errors, r.Median, r.P99, r.Max)
}

// RunningLoad is a load that has not been stopped.
type RunningLoad struct {
	load   Load
	cancel context.CancelFunc
	wg     sync.WaitGroup
	pace   <-chan time.Time

	mu    sync.Mutex
	next  int
	out   LoadReport
	times []time.Duration
}

// StartLoad begins to send; Stop ends it, at the latest the end of the test does.
func StartLoad(tb testing.TB, l Load) *RunningLoad {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &RunningLoad{load: l, cancel: cancel, out: LoadReport{
		Status: map[int]int{}, Wrong: map[string]int{}, Errors: map[string]int{},
	}}
	if l.Rate > 0 {
		ticker := time.NewTicker(time.Second / time.Duration(l.Rate))
		r.pace = ticker.C
		tb.Cleanup(ticker.Stop)
	}
	for range max(1, l.Workers) {
		r.wg.Go(func() { r.work(ctx) })
	}
	tb.Cleanup(func() { r.Stop() })
	return r
}

// Requests is how many requests have been answered, or have failed, so far.
func (r *RunningLoad) Requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Requests
}

// Await waits until n more requests are done.
func (r *RunningLoad) Await(tb testing.TB, n int) {
	tb.Helper()
	goal := r.Requests() + n
	Eventually(tb, "load", func() error {
		if done := r.Requests(); done < goal {
			return fmt.Errorf("%d of %d requests done", done, goal)
		}
		return nil
	})
}

// Stop lets requests in flight end and gives the report. It may be called again.
func (r *RunningLoad) Stop() *LoadReport {
	r.cancel()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.out
	out.Status, out.Wrong, out.Errors = maps.Clone(out.Status), maps.Clone(out.Wrong), maps.Clone(out.Errors)
	if n := len(r.times); n > 0 {
		sorted := slices.Sorted(slices.Values(r.times))
		out.Median, out.P99, out.Max = sorted[n/2], sorted[n*99/100], sorted[n-1]
	}
	return &out
}

func (r *RunningLoad) work(ctx context.Context) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 1,
		DialContext:         (&net.Dialer{Timeout: Patience}).DialContext,
	}
	defer transport.CloseIdleConnections()
	for r.turn(ctx) {
		r.one(transport)
	}
}

// turn waits for the worker's turn; it is false when the load is over.
func (r *RunningLoad) turn(ctx context.Context) bool {
	if r.pace == nil {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.pace:
		return true
	}
}

func (r *RunningLoad) one(transport *http.Transport) {
	r.mu.Lock()
	i := r.next
	r.next++
	r.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	begin := time.Now()
	resp, err := transport.RoundTrip(r.load.Request(i).WithContext(ctx))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	took := time.Since(begin)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Requests++
	r.times = append(r.times, took)
	if err != nil {
		r.out.Errors[cause(err)]++
		return
	}
	r.out.Status[resp.StatusCode]++
	if r.load.Check == nil {
		return
	}
	if wrong := r.load.Check(resp); wrong != "" {
		r.out.Wrong[wrong]++
	}
}

// cause is an error without the port numbers that make each one different.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

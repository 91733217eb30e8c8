package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// Admin reads Envoy's administration interface.
type Admin struct{ addr string }

// AdminAt is that of an Envoy which the harness has not started, by its host:port.
func AdminAt(addr string) *Admin { return &Admin{addr: addr} }

// AdminAddr is its host:port, for who scrapes it.
func (a *Admin) AdminAddr() string { return a.addr }

// Ready reports whether Envoy has all of its configuration.
func (a *Admin) Ready(ctx context.Context) bool {
	_, err := a.get(ctx, "/ready")
	return err == nil
}

func (a *Admin) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.addr+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	// One connection a question: nothing of ours stays open after the test.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return body, err
}

func (a *Admin) listenerAddr(ctx context.Context, name string) (string, error) {
	body, err := a.get(ctx, "/listeners?format=json")
	if err != nil {
		return "", err
	}
	return envoy.ListenerAddress(body, name)
}

// Stats are all counters and gauges whose names contain part.
func (a *Admin) Stats(tb testing.TB, part string) map[string]uint64 {
	tb.Helper()
	body, err := a.get(context.Background(), "/stats?filter="+url.QueryEscape(quoteRegex(part)))
	if err != nil {
		tb.Fatalf("reading Envoy's counters: %v", err)
	}
	out := map[string]uint64{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			out[name] = n
		}
	}
	return out
}

func quoteRegex(s string) string { return strings.ReplaceAll(s, ".", `\.`) }

// Stat is one counter or gauge by its full name, 0 when Envoy has none of that name.
func (a *Admin) Stat(tb testing.TB, name string) uint64 {
	tb.Helper()
	return a.Stats(tb, name)[name]
}

// AwaitStat waits until ok holds for a counter or gauge.
func (a *Admin) AwaitStat(tb testing.TB, name string, ok func(uint64) bool) {
	tb.Helper()
	Eventually(tb, name, func() error {
		if n := a.Stat(tb, name); !ok(n) {
			return fmt.Errorf("it is %d", n)
		}
		return nil
	})
}

// AwaitProcessors waits until n processors are healthy in Envoy's eyes.
func (a *Admin) AwaitProcessors(tb testing.TB, n int) {
	tb.Helper()
	for _, cluster := range []string{envoy.ClusterProcessor, envoy.ClusterPreflight} {
		a.AwaitStat(tb, "cluster."+cluster+".membership_healthy", func(healthy uint64) bool { return healthy == uint64(n) })
	}
}

// Calls counts what some of the calls to the processor have cost so far.
type Calls struct {
	// Streams opened, messages sent to the processor, failures of any kind, and requests let
	// through in spite of one.
	Streams, Messages, Failed, Timeouts, Allowed uint64
}

// Sub is the difference to an earlier reading.
func (c Calls) Sub(before Calls) Calls {
	return Calls{
		Streams:  c.Streams - before.Streams,
		Messages: c.Messages - before.Messages,
		Failed:   c.Failed - before.Failed,
		Timeouts: c.Timeouts - before.Timeouts,
		Allowed:  c.Allowed - before.Allowed,
	}
}

// Calls adds the counters of calls, [envoy.CallPreflight] and so on.
func (a *Admin) Calls(tb testing.TB, calls ...string) Calls {
	tb.Helper()
	var out Calls
	for _, call := range calls {
		at := "http." + envoy.StatPrefix + ".ext_proc." + call + "."
		s := a.Stats(tb, at)
		out.Streams += s[at+"streams_started"]
		out.Messages += s[at+"stream_msgs_sent"]
		out.Failed += s[at+"streams_failed"]
		out.Timeouts += s[at+"message_timeouts"]
		out.Allowed += s[at+"failure_mode_allowed"]
	}
	return out
}

// Prometheus is one scrape: each sample's name and labels, as printed, and its value.
func (a *Admin) Prometheus(tb testing.TB) map[string]float64 {
	tb.Helper()
	body, err := a.get(context.Background(), "/stats/prometheus")
	if err != nil {
		tb.Fatalf("scraping Envoy: %v", err)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			out[line[:at]] = v
		}
	}
	return out
}

// ConfigDump is Envoy's own view of its configuration, in JSON.
func (a *Admin) ConfigDump(tb testing.TB) []byte {
	tb.Helper()
	body, err := a.get(context.Background(), "/config_dump")
	if err != nil {
		tb.Fatalf("reading Envoy's configuration: %v", err)
	}
	return body
}

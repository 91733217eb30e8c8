package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
)

// journalSize is how many decisions are kept: a run of the page makes about
// twenty, and two pages may run at the same time.
const journalSize = 400

// entry is one decision as Envoy logged it.
type entry struct {
	// ID is the demo number of the fetch, from the query of its address.
	ID       string `json:"id"`
	Method   string `json:"method"`
	Status   int    `json:"status"`
	Phase    string `json:"phase"`
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	Tenant   string `json:"tenant"`
}

// journal remembers the newest decisions of fetches that carry a demo number.
type journal struct {
	mu      sync.Mutex
	entries []entry
}

// follow reads access log lines until r ends. It passes over lines that are no
// decision of the demo, and over those too long to keep: Envoy must never wait for us.
func (j *journal) follow(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	whole := true // the next piece starts a line
	for {
		line, more, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the access log: %w", err)
		}
		if whole && !more {
			if e, ok := parseEntry(line); ok {
				j.add(e)
			}
		}
		whole = !more
	}
}

func (j *journal) add(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) == journalSize {
		j.entries = append(j.entries[:0], j.entries[1:]...)
	}
	j.entries = append(j.entries, e)
}

// recent returns the decisions, oldest first.
func (j *journal) recent() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]entry{}, j.entries...)
}

// parseEntry reads one JSON line of the access log that envoy renders.
func parseEntry(line []byte) (entry, bool) {
	var logged struct {
		Path     string `json:"path"`
		Method   string `json:"method"`
		Status   int    `json:"status"`
		Phase    string `json:"cors_phase"`
		Decision string `json:"cors_decision"`
		Reason   string `json:"cors_reason"`
		Tenant   string `json:"cors_tenant"`
	}
	if err := json.Unmarshal(line, &logged); err != nil {
		return entry{}, false
	}
	u, err := url.ParseRequestURI(logged.Path)
	if err != nil || u.Query().Get("demo") == "" {
		return entry{}, false
	}
	return entry{
		ID: u.Query().Get("demo"), Method: logged.Method, Status: logged.Status,
		Phase: logged.Phase, Decision: logged.Decision, Reason: logged.Reason, Tenant: logged.Tenant,
	}, true
}

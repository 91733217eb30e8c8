package harness

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Headers that steer the sample application.
const (
	// HeaderResponse dictates the application's response, an [AppResponse] in JSON.
	HeaderResponse = "x-app-response"
	// HeaderID marks a request, so that a test can ask whether it reached the application.
	HeaderID = "x-e2e-id"
)

// AppResponse is what the application answers: status 200, no headers, body "hello" by default.
type AppResponse struct {
	Status  int         `json:"status,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
	Body    *string     `json:"body,omitempty"`
	// DelayMS is how many milliseconds the application thinks before it answers.
	DelayMS int `json:"delay_ms,omitempty"`
}

// Header is the value of [HeaderResponse] for r.
func (r AppResponse) Header() string {
	text, _ := json.Marshal(r) // strings and numbers only: cannot fail
	return string(text)
}

// Seen is a request as it reached the application.
type Seen struct {
	Method, Target, Host string
	Header               http.Header
}

// App is the sample application.
type App struct {
	// Addr is its host:port.
	Addr string

	mu   sync.Mutex
	seen map[string][]Seen
	all  int
}

// StartApp runs the application until the test ends.
func StartApp(tb testing.TB) *App {
	tb.Helper()
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		tb.Fatalf("starting the application: %v", err)
	}
	a := &App{Addr: l.Addr().String(), seen: map[string][]Seen{}}
	srv := &http.Server{Handler: a, ReadHeaderTimeout: Patience}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(l) // always ErrServerClosed here
	}()
	tb.Cleanup(func() {
		_ = srv.Close()
		<-ended
	})
	return a
}

// Requests are the requests with this id that reached the application, in order.
func (a *App) Requests(id string) []Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Seen(nil), a.seen[id]...)
}

// Total is how many requests reached the application.
func (a *App) Total() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}

// ServeHTTP answers as [HeaderResponse] says; a websocket handshake for which it names no
// status is accepted, and its messages are sent back.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.record(r)
	var reply AppResponse
	if text := r.Header.Get(HeaderResponse); text != "" {
		if err := json.Unmarshal([]byte(text), &reply); err != nil {
			http.Error(w, HeaderResponse+": "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if !pause(r, reply.DelayMS) {
		return
	}
	if reply.Status == 0 && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		echoWebSocket(w, r, reply.Headers)
		return
	}
	for _, h := range reply.Headers {
		w.Header().Add(h[0], h[1])
	}
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	body := "hello"
	if reply.Body != nil {
		body = *reply.Body
	}
	if status != http.StatusNoContent && status != http.StatusNotModified && r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}

// pause waits, unless the client goes away first.
func pause(r *http.Request, ms int) bool {
	if ms == 0 {
		return true
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

func (a *App) record(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all++
	if id := r.Header.Get(HeaderID); id != "" {
		s := Seen{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header.Clone()}
		a.seen[id] = append(a.seen[id], s)
	}
}

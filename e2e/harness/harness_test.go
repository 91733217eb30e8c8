package harness_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/e2e/harness"
)

func TestMain(m *testing.M) {
	code := harness.Run(m)
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func TestAppAnswersAsDictated(t *testing.T) {
	app := harness.StartApp(t)
	empty := ""
	dictated := harness.AppResponse{
		Status:  418,
		Headers: [][2]string{{"Vary", "Accept"}, {"Vary", "X-Origin"}, {"Access-Control-Allow-Origin", "*"}},
		Body:    &empty,
	}
	got := harness.Exchange(t, app.Addr, harness.Request("PATCH", "/a?b", "x.example:81",
		[2]string{harness.HeaderResponse, dictated.Header()},
		[2]string{harness.HeaderID, "one"},
		[2]string{"Origin", "https://a.example"},
	))
	if got.Status != 418 {
		t.Errorf("status %d, want 418", got.Status)
	}
	want := map[string]string{"vary": "Accept, X-Origin", "access-control-allow-origin": "*"}
	if diff := cmp.Diff(want, got.CORS()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Accept", "X-Origin"}, got.Lines("vary")); diff != "" {
		t.Errorf("lines of Vary (-want +got):\n%s", diff)
	}
	seen := app.Requests("one")
	if len(seen) != 1 || seen[0].Method != "PATCH" || seen[0].Target != "/a?b" || seen[0].Host != "x.example:81" {
		t.Errorf("application saw %+v", seen)
	}
	if other := app.Requests("two"); len(other) != 0 {
		t.Errorf("application saw %+v for an id that nobody sent", other)
	}
}

// The client must not mend what a server sends.
func TestConnReadsResponsesAsTheyAre(t *testing.T) {
	tests := map[string]struct {
		request, wire string
		headers       [][2]string
		body          string
	}{
		"repeated lines": {
			"GET", "HTTP/1.1 200 OK\r\nVARY: a\r\nVary:  b \r\ncontent-length: 2\r\n\r\nhi",
			[][2]string{{"vary", "a"}, {"vary", "b"}, {"content-length", "2"}},
			"hi",
		},
		"chunked": {
			"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
			[][2]string{{"transfer-encoding", "chunked"}},
			"hi!",
		},
		"interim response": {
			"GET", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\na: b\r\n\r\n",
			[][2]string{{"a", "b"}},
			"",
		},
		"answer to HEAD": {
			"HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", [][2]string{{"content-length", "9"}}, "",
		},
		"bytes outside ASCII": {
			"GET", "HTTP/1.1 200 OK\r\na: \xff\r\ncontent-length: 0\r\n\r\n",
			[][2]string{{"a", "\xff"}, {"content-length", "0"}},
			"",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			addr := oneReply(t, tt.wire)
			got := harness.Exchange(t, addr, harness.Request(tt.request, "/", "x"))
			if diff := cmp.Diff(tt.headers, got.Headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if string(got.Body) != tt.body {
				t.Errorf("body %q, want %q", got.Body, tt.body)
			}
		})
	}
}

func TestConnTellsSilenceFromAReply(t *testing.T) {
	_, err := harness.Dial(t, oneReply(t, "")).Do(harness.Request("GET", "/", "x"))
	if !errors.Is(err, harness.ErrNoReply) {
		t.Errorf("error %v, want ErrNoReply", err)
	}
}

// oneReply serves exact bytes to one connection, after the first bytes of its request.
func oneReply(t *testing.T, wire string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := c.Read(make([]byte, 4096)); err == nil {
			_, _ = c.Write([]byte(wire))
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestLoadCountsByStatusWrongAndError(t *testing.T) {
	app := harness.StartApp(t)
	closed := harness.FreeAddr(t)
	bad := harness.AppResponse{Status: 503}.Header()
	load := harness.StartLoad(t, harness.Load{
		Workers: 2,
		Request: func(i int) *http.Request {
			addr := app.Addr
			if i%3 == 2 {
				addr = closed
			}
			req, _ := http.NewRequest(http.MethodGet, "http://"+addr+"/", http.NoBody)
			if i%3 == 1 {
				req.Header.Set(harness.HeaderResponse, bad)
			}
			return req
		},
		Check: func(r *http.Response) string {
			if r.StatusCode != http.StatusOK {
				return "not ok"
			}
			return ""
		},
	})
	load.Await(t, 60)
	got := load.Stop()
	if got.Status[200] == 0 || got.Status[503] == 0 || got.Wrong["not ok"] != got.Status[503] {
		t.Errorf("counts are off: %s", got)
	}
	if got.Errors["connection refused"] == 0 || len(got.Errors) != 1 {
		t.Errorf("errors are off: %s", got)
	}
	if sum := got.Status[200] + got.Status[503] + got.Errors["connection refused"]; sum != got.Requests {
		t.Errorf("%d requests, but %d outcomes", got.Requests, sum)
	}
	if got.Failed() != got.Requests-got.Status[200] {
		t.Errorf("Failed() = %d: %s", got.Failed(), got)
	}
}

// Whatever ends the test binary early must not leave Envoy behind; here the regular way.
func TestEnvoyEndsWithItsTest(t *testing.T) {
	var e *harness.Envoy
	t.Run("inner", func(t *testing.T) {
		app := harness.StartApp(t)
		e = harness.StartDesign(t, "c", app.Addr, harness.FreeAddr(t))
		if dump := e.ConfigDump(t); !strings.Contains(string(dump), "cors-decide") {
			t.Errorf("config dump of %d bytes does not show our filter", len(dump))
		}
	})
	if e == nil {
		t.Skip("no Envoy")
	}
	select {
	case <-e.Done():
	default:
		t.Errorf("Envoy, pid %d, outlived its test", e.PID())
	}
	if c, err := net.Dial("tcp", e.Addr); err == nil {
		_ = c.Close()
		t.Errorf("%s still accepts connections", e.Addr)
	}
}

// A process that ends by itself must fail the wait at once, with its last words.
func TestEventuallyGivesUpWhenTheProcessIsGone(t *testing.T) {
	if _, err := exec.LookPath("false"); err != nil {
		t.Skip("no false(1)")
	}
	t.Setenv("CORSGATE_BINARY", "false")
	rec := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		harness.StartProcessor(rec, harness.ProcessorOptions{Tenants: "none"})
	}()
	<-done
	if !strings.Contains(rec.fatal, "corsgate has ended") {
		t.Errorf("failed with %q", rec.fatal)
	}
}

package lint_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/envoy/lint/linttest"
)

func TestFetch(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/config_dump", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, linttest.Dump("", "")) })
	mux.HandleFunc("/other/dump", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, linttest.Dump("", "")) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/config_dump", http.StatusFound) })
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, linttest.Dump("", "")[:1000]) })
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{
		"": "", "/": "", "/other/dump": "", "/moved": "302", "/none": "404", "/half": "unexpected EOF", "/page": "YAML",
	} {
		c, err := lint.Fetch(t.Context(), server.URL+path)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: error %v, want one of %q", path, err, want)
		case err == nil && lint.Check(c, lint.Options{}).Calls != 3:
			t.Errorf("%q: no calls found", path)
		}
	}
}

// TestFetchEnds asks one that never ends its answer.
func TestFetchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"configs": [`)
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := lint.Fetch(ctx, server.URL); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestWhatIsAnAdministrationPort(t *testing.T) {
	for target, want := range map[string]bool{
		"http://127.0.0.1:9901": true, "https://x": true, "unix:/run/x": true, "envoy.yaml": false, "-": false, "http.yaml": false,
	} {
		if got := lint.IsAdmin(target); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
	for _, target := range []string{"http://", "http://%zz", "http:///config_dump"} {
		if _, err := lint.Fetch(t.Context(), target); err == nil || !strings.Contains(err.Error(), "no URL") {
			t.Errorf("%s: error %v, want one about the URL", target, err)
		}
	}
}

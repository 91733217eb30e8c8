package webdriver_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/e2e/webdriver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSession(t *testing.T) {
	if err := webdriver.Available(); err != nil {
		if os.Getenv("CORSGATE_REQUIRE_BROWSER") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><title>hello</title>"))
	}))
	t.Cleanup(page.Close)
	s, err := webdriver.Start(t.Context(), webdriver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Navigate(t.Context(), page.URL); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Title string
		Sum   int
		Dark  bool
	}
	if err := s.ColorScheme(t.Context(), "dark"); err != nil {
		t.Fatal(err)
	}
	script := `return {Title: document.title, Sum: arguments[0] + arguments[1], Dark: matchMedia("(prefers-color-scheme: dark)").matches}`
	if err := s.Run(t.Context(), &got, script, 40, 2); err != nil {
		t.Fatal(err)
	}
	if got.Title != "hello" || got.Sum != 42 || !got.Dark {
		t.Errorf("the script saw %+v", got)
	}
	if err := s.Run(t.Context(), nil, `throw new Error("broken page")`); err == nil || !strings.Contains(err.Error(), "broken page") {
		t.Errorf("an exception in the page gave %v", err)
	}
	shot, err := s.Screenshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(shot)); err != nil {
		t.Errorf("the screenshot is no picture: %v", err)
	}
}

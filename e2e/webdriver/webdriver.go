// Package webdriver drives one headless Chromium through chromedriver with the
// few commands that the browser tests need: open a page, run a script, take a
// picture. It speaks the W3C WebDriver protocol with the standard library.
//
// A [Session] owns a chromedriver on a free port and a browser with a fresh
// profile. Every call has a deadline, and Close leaves nothing behind.
package webdriver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// scriptTimeout bounds one script in the browser, and commandTimeout any other command.
const (
	scriptTimeout  = 30 * time.Second
	commandTimeout = scriptTimeout + 15*time.Second
)

// Options say which programs to run. The zero Options are complete.
type Options struct {
	// Driver is the chromedriver; found in PATH when empty.
	Driver string
	// Browser is the Chromium; found in PATH when empty.
	Browser string
	// Args are further arguments of the browser.
	Args []string
}

// Session is one browser. Its methods are not for concurrent use.
type Session struct {
	url     string // of the session at the driver
	profile string
	driver  *driver
	client  *http.Client
}

// Available finds the two programs, as [Start] does with zero Options. The
// error says which one is missing.
func Available() error {
	_, _, err := programs(Options{})
	return err
}

func programs(o Options) (driverPath, browserPath string, err error) {
	if driverPath = o.Driver; driverPath == "" {
		if driverPath, err = exec.LookPath("chromedriver"); err != nil {
			return "", "", fmt.Errorf("finding the browser driver: %w", err)
		}
	}
	if browserPath = o.Browser; browserPath == "" {
		if browserPath, err = exec.LookPath("chromium"); err != nil {
			return "", "", fmt.Errorf("finding the browser: %w", err)
		}
	}
	return driverPath, browserPath, nil
}

// Start runs the driver and opens a browser. The caller must Close the session.
func Start(ctx context.Context, o Options) (*Session, error) {
	driverPath, browserPath, err := programs(o)
	if err != nil {
		return nil, err
	}
	s := &Session{client: &http.Client{Timeout: commandTimeout, Transport: &http.Transport{}}}
	if s.profile, err = os.MkdirTemp("", "corsgate-browser-"); err != nil {
		return nil, fmt.Errorf("making a browser profile: %w", err)
	}
	if s.driver, err = startDriver(ctx, driverPath); err != nil {
		_ = os.RemoveAll(s.profile)
		return nil, err
	}
	var created struct {
		SessionID string `json:"sessionId"`
	}
	err = s.call(ctx, http.MethodPost, s.driver.url+"/session", capabilities(browserPath, s.profile, o.Args), &created)
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("opening a browser: %w", err)
	}
	s.url = s.driver.url + "/session/" + created.SessionID
	return s, nil
}

func capabilities(browser, profile string, extra []string) any {
	args := []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + profile, "--window-size=1180,1400",
	}
	return map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":        "chrome",
		"goog:chromeOptions": map[string]any{"binary": browser, "args": append(args, extra...)},
		"timeouts":           map[string]int64{"script": scriptTimeout.Milliseconds(), "pageLoad": scriptTimeout.Milliseconds()},
	}}}
}

// Navigate opens url and returns when the page has loaded.
func (s *Session) Navigate(ctx context.Context, url string) error {
	if err := s.call(ctx, http.MethodPost, s.url+"/url", map[string]string{"url": url}, nil); err != nil {
		return fmt.Errorf("opening %s: %w", url, err)
	}
	return nil
}

// Run executes body as the body of an async function with args as "arguments",
// and decodes what it returns into result, which may be nil. An exception in
// the page is an error.
func (s *Session) Run(ctx context.Context, result any, body string, args ...any) error {
	const wrap = `const done = arguments[arguments.length - 1];
(async function () { %s }).apply(null, arguments).then(value => done({value}), e => done({error: String(e && e.stack || e)}));`
	if args == nil {
		args = []any{}
	}
	var reply struct {
		Value json.RawMessage `json:"value"`
		Error string          `json:"error"`
	}
	request := map[string]any{"script": fmt.Sprintf(wrap, body), "args": args}
	if err := s.call(ctx, http.MethodPost, s.url+"/execute/async", request, &reply); err != nil {
		return fmt.Errorf("running a script: %w", err)
	}
	if reply.Error != "" {
		return fmt.Errorf("running a script: %s", reply.Error)
	}
	if result == nil || reply.Value == nil {
		return nil
	}
	if err := json.Unmarshal(reply.Value, result); err != nil {
		return fmt.Errorf("reading a script's result %s: %w", reply.Value, err)
	}
	return nil
}

// Screenshot returns the visible part of the page as PNG.
func (s *Session) Screenshot(ctx context.Context) ([]byte, error) {
	var png []byte // JSON carries it in base64, as encoding/json expects
	if err := s.call(ctx, http.MethodGet, s.url+"/screenshot", nil, &png); err != nil {
		return nil, fmt.Errorf("taking a screenshot: %w", err)
	}
	return png, nil
}

// ColorScheme makes the page believe that the user prefers scheme, "light" or "dark".
func (s *Session) ColorScheme(ctx context.Context, scheme string) error {
	request := map[string]any{"cmd": "Emulation.setEmulatedMedia", "params": map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}}
	if err := s.call(ctx, http.MethodPost, s.url+"/goog/cdp/execute", request, nil); err != nil {
		return fmt.Errorf("setting the color scheme: %w", err)
	}
	return nil
}

// Offline takes the network away from the page, or gives it back.
func (s *Session) Offline(ctx context.Context, offline bool) error {
	request := map[string]any{"network_conditions": map[string]any{
		"offline": offline, "latency": 0, "download_throughput": -1, "upload_throughput": -1,
	}}
	if err := s.call(ctx, http.MethodPost, s.url+"/chromium/network_conditions", request, nil); err != nil {
		return fmt.Errorf("setting the network conditions: %w", err)
	}
	return nil
}

// Close ends the browser, then the driver, and removes the profile. It works
// after the context of Start has ended.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if s.url != "" {
		// A browser that does not answer ends with its driver.
		_ = s.call(ctx, http.MethodDelete, s.url, nil, nil)
	}
	s.client.CloseIdleConnections()
	err := s.driver.stop()
	if e := os.RemoveAll(s.profile); err == nil {
		err = e
	}
	return err
}

// call sends one command and decodes the value of its reply into result.
func (s *Session) call(ctx context.Context, method, url string, request, result any) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var body bytes.Buffer
	if request != nil {
		if err := json.NewEncoder(&body).Encode(request); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var reply struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return fmt.Errorf("reading the driver's reply: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var failure struct{ Error, Message string }
		_ = json.Unmarshal(reply.Value, &failure)
		return fmt.Errorf("%s: %s", failure.Error, failure.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(reply.Value, result)
}

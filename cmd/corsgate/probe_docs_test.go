package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/probe"
	"github.com/corsgate/corsgate/internal/probe/probetest"
	"github.com/corsgate/corsgate/tenant/files"
)

// The page about the probe shows what it says: its files are written, and its commands are run against a gateway that decides by
// them. UPDATE_SCRIPTS=1 rewrites their output.
func TestProbePage(t *testing.T) {
	const page = "../../docs/probe.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range probe.Cases() {
		if row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", c.Name, c.Proves, c.Rules, c.Failures); !strings.Contains(string(text), row) {
			t.Errorf("the table of cases has no row\n%s", row)
		}
	}
	root, err := os.OpenRoot("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	t.Chdir(t.TempDir())
	var gateway probeGateway
	block := regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```")
	commands := 0
	got := block.ReplaceAllStringFunc(string(text), func(found string) string {
		m := block.FindStringSubmatch(found)
		if m[1] == "yaml" {
			gateway.file(t, m[2])
			return found
		}
		command, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimPrefix(m[2], "$ corsgate "), "\\\n", ""), "\n")
		shown := m[2][:strings.Index(m[2], "\n")+1]
		for strings.HasSuffix(shown, "\\\n") {
			shown = m[2][:len(shown)+strings.Index(m[2][len(shown):], "\n")+1]
		}
		commands++
		return "```console\n" + shown + gateway.run(t, command) + "```"
	})
	// What needs more than a gateway is at least understood: nothing but the time-out is wrong with it.
	for _, m := range regexp.MustCompile("(?s)```\ncorsgate (probe .*?)\n```").FindAllStringSubmatch(string(text), -1) {
		commands++
		var out bytes.Buffer
		args := append(strings.Fields(strings.ReplaceAll(m[1], "\\\n", "")), "--timeout", "0s")
		code := run(t.Context(), args, surroundings{stdin: strings.NewReader(""), stdout: &out, stderr: &out, open: openRedis})
		if want := "corsgate: 1 configuration problem\n  --timeout: the time must be longer than 0s\n"; code != exitUsage || out.String() != want {
			t.Errorf("%s: code %d, %s", m[1], code, out.String())
		}
	}
	if commands < 7 {
		t.Errorf("only %d commands stand on the page", commands)
	}
	diff := cmp.Diff(string(text), got)
	if diff != "" && os.Getenv("UPDATE_SCRIPTS") != "" {
		if err := root.WriteFile("probe.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff != "" {
		t.Errorf("the page (-page +commands):\n%s", diff)
	}
}

// probeGateway is what the page calls https://api.acme.example, and http://10.0.0.7:8080 behind it. Where both are asked, the
// former loses a header.
type probeGateway struct{ edge, broken, direct string }

func (g *probeGateway) start(t *testing.T, file string) {
	t.Helper()
	tenants, _, err := files.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(start func(*httptest.Server), fault probetest.Fault) string {
		s := httptest.NewUnstartedServer(probetest.Gateway(tenants, fault))
		start(s)
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	g.edge = serve((*httptest.Server).StartTLS, nil)
	g.broken = serve((*httptest.Server).StartTLS, func(r *http.Request, _ *int, h http.Header) {
		if r.Header.Get("Origin") != "" && r.Method == http.MethodGet && r.URL.Path == probetest.Path && r.Header.Get("If-None-Match") == "" {
			h.Del("Access-Control-Allow-Origin")
		}
	})
	g.direct = serve((*httptest.Server).Start, nil)
}

// file writes a file of the page, if it has a name, and starts the gateway with the first one. Suites are led to it.
func (g *probeGateway) file(t *testing.T, text string) {
	t.Helper()
	m := regexp.MustCompile(`^# (\w+\.yaml)\n`).FindStringSubmatch(text)
	if m == nil {
		return
	}
	text = regexp.MustCompile(`(?m)^( +)(url: \S+)$`).ReplaceAllString(text, "${1}${2}\n${1}connect: "+g.edge+"\n${1}insecure_skip_verify: true")
	if err := os.WriteFile(m[1], []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if m[1] == "acme.yaml" {
		g.start(t, m[1])
	}
}

// run is the output of a command and, unless it is 0, its exit code, with what differs from run to run as it was once.
func (g *probeGateway) run(t *testing.T, command string) string {
	t.Helper()
	var args []string
	at := g.edge
	for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1) {
		word = strings.Trim(word, "'")
		if word == "--direct" {
			at = g.broken
		}
		args = append(args, strings.ReplaceAll(word, "10.0.0.7:8080", g.direct))
	}
	if !strings.Contains(command, "--suite") {
		args = append(args, "--connect", at, "--insecure-skip-verify")
	}
	var out bytes.Buffer
	code := run(t.Context(), args, surroundings{stdin: strings.NewReader(""), stdout: &out, stderr: &out, open: openRedis})
	text := out.String()
	for _, r := range [][2]string{
		{regexp.QuoteMeta(g.direct), "10.0.0.7:8080"},
		{` --connect-to ::` + regexp.QuoteMeta(at), ""},
		{` -k https:`, " https:"},
		{`corsgate-probe/[^ "']+`, "corsgate-probe/1.0.0"},
		{`"version": ".*"`, `"version": "1.0.0"`},
		{`[a-z2-7]{12}\.test`, "k3v7q2m5x4tn.test"},
		{`\b(x|corsgate-probe)-[a-z2-7]{12}\b`, "$1-k3v7q2m5x4tn"},
		{` in [0-9.]+(µs|ms|s)\n`, " in 4ms\n"},
		{`("[a-z_]*_seconds": )[0-9.e-]+`, "${1}0.004"},
		{`(cors_probe_duration_seconds\{.*\}) [0-9.e-]+`, "$1 0.004"},
		{`(cors_probe_last_run_timestamp_seconds) \d+`, "$1 1801387800"},
		{`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`, "2027-01-31T09:30:00.25Z"},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	if code == exitUsage || code == exitUnasked {
		t.Errorf("%s: code %d\n%s", command, code, text)
	}
	if code != exitOK {
		text += fmt.Sprintf("exit code %d\n", code)
	}
	return text
}

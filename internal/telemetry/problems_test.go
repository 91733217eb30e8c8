package telemetry

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
)

// F46: of addresses only scheme and host are logged, and none of the settings that OpenTelemetry tells of.
func TestProblemsShowNoSecret(t *testing.T) {
	for text, want := range map[string]string{
		`Post "https://u:s3cret@c.example:4318/s3cret?t=s3cret#s3cret": no route`:     `Post "https://c.example:4318": no route`,
		"failed to send to http://c:4318/s3cret/v1/traces: 401 (body: no)":            "failed to send to http://c:4318 401 (body: no)",
		`invalid proxy address "http://u:s3cret@proxy:1": see`:                        `invalid proxy address "http://proxy:1": see`,
		"http://u:s3cret@a/ and http://[::1]:1?s3cret":                                "http://a and http://[::1]:1",
		"rpc error: code = Unavailable desc = dial tcp 127.0.0.1:1: connect: refused": "rpc error: code = Unavailable desc = dial tcp 127.0.0.1:1: connect: refused",
	} {
		if got := problemText(errors.New(text)); got != want {
			t.Errorf("%s\nis logged as %s\nwant         %s", text, got, want)
		}
	}
	var w strings.Builder
	log := logr.FromSlogHandler(messagesOnly{jsonLog(&w).Handler()}).WithName("n").WithValues("input", "s3cret")
	log.Error(errors.New("missing ="), "parse headers", "input", "s3cret")
	log.Info("created", "endpoint", "s3cret")
	got := lines(t, w.String())
	if strings.Contains(w.String(), "s3cret") || len(got) != 2 || got[0]["error"] != "missing =" || got[0]["msg"] != "OpenTelemetry: parse headers" {
		t.Errorf("%s", w.String())
	}
}

// TestProblems: one line a minute, whatever a back end does, with the number of those that were not written.
func TestProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w strings.Builder
		tm, err := New(Config{Log: jsonLog(&w)})
		if err != nil {
			t.Fatal(err)
		}
		p := &problemLog{t: tm}
		for range 3 {
			p.Handle(errors.New("nobody\nlistens"))
		}
		<-time.After(problemEvery)
		p.Handle(errors.New("still \x1b nobody"))
		got := lines(t, w.String())
		if len(got) == 2 && got[1]["error"] != `still \x1b nobody` {
			t.Errorf("error %q", got[1]["error"])
		}
		if len(got) != 2 || got[0]["suppressed"] != 0.0 || got[1]["suppressed"] != 2.0 {
			t.Errorf("%v", got)
		}
	})
}

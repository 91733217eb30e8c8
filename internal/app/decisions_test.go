package app

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
)

func TestDecisionLog(t *testing.T) {
	hostile := server.Observation{
		Outcome: policy.Denied, Reason: policy.OriginMalformed, Tenant: "acme",
		Request: policy.Request{Origin: "https://a\r\n{\"level\":\"ERROR\"}\x1b[31m\xff", Authority: "api.acme.example"},
	}
	var log strings.Builder
	decisionLog(t.Context(), slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))(hostile)
	if n := strings.Count(log.String(), "\n"); n != 1 || strings.ContainsRune(log.String(), '\x1b') {
		t.Errorf("rule 23: one decision made %d lines, or raw bytes: %q", n, log.String())
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(log.String()), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"level": "DEBUG", "tenant": "acme", "outcome": "denied", "reason": "origin_malformed"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %s", key, line[key], want)
		}
	}

	log.Reset()
	decisionLog(t.Context(), slog.New(slog.NewJSONHandler(&log, nil)))(hostile)
	if log.Len() > 0 {
		t.Errorf("a decision is logged above debug level: %s", log.String())
	}
}

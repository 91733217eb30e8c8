package server_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
)

// TestObservations: one for each decision, and a late one for what only the response of
// design A shows.
func TestObservations(t *testing.T) {
	t.Parallel()
	const origin, host = "https://app.acme.example", "api.acme.example"
	leak := [2]string{"access-control-allow-origin", "*"}
	decided := server.Observation{
		Kind: policy.Actual, Outcome: policy.Allowed, Reason: policy.OriginListed,
		Tenant: "acme", Freshness: tenant.Live,
		Request: policy.Request{Method: "GET", Scheme: "https", Authority: host, Origin: origin},
		Key:     tenant.Key{Authority: host, Path: "/"},
	}
	conflict := decided
	conflict.Late, conflict.Conflict, conflict.Phase = true, true, server.ResponsePhase
	conflict.Request, conflict.Key = policy.Request{}, tenant.Key{}
	atResponse := decided
	atResponse.Phase = server.ResponsePhase
	answered := decided
	answered.Kind, answered.Answered, answered.Status = policy.Preflight, true, 204
	answered.Request.Method, answered.Request.RequestMethod = "OPTIONS", "PUT"
	named := get(host, origin)
	named.Headers = append(named.Headers, [2]string{"x-request-id", "7"})
	identified := decided
	identified.RequestID = []byte("7")
	identifiedLater := atResponse
	identifiedLater.RequestID = []byte("7")
	overloaded := server.Observation{
		Kind: policy.Actual, Outcome: policy.Error, Reason: policy.Overload,
		Freshness: tenant.Unavailable, OriginIndex: -1, Request: decided.Request, Key: decided.Key,
	}
	tests := []struct {
		name     string
		overload bool
		in       []*message
		want     []server.Observation
	}{
		{"A: one", false, []*message{request(get(host, origin)), response()}, []server.Observation{decided}},
		{"A: a conflict comes late", false, []*message{request(get(host, origin)), response(leak)}, []server.Observation{decided, conflict}},
		{"B: one", false, []*message{only(get(host, origin))}, []server.Observation{atResponse}},
		{"C: one", false, []*message{request(get(host, origin))}, []server.Observation{decided}},
		{"a named request", false, []*message{request(named)}, []server.Observation{identified}},
		{"B: a named request", false, []*message{only(named)}, []server.Observation{identifiedLater}},
		{"a preflight", false, []*message{request(preflight(host, origin, "PUT"))}, []server.Observation{answered}},
		{"observability mode decides nothing", false, []*message{watched(request(get(host, origin)))}, nil},
		{"bodies decide nothing", false, []*message{body(false), trailers(true)}, nil},
		{"overload", true, []*message{request(get(host, origin))}, []server.Observation{overloaded}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []server.Observation
			svc := service(t, snapshot(t, acme), func(cfg *server.Config) {
				cfg.MaxStreams = 1
				cfg.Observe = func(o *server.Observation) {
					if o.Duration < 0 || o.Duration > time.Minute {
						t.Errorf("duration %s", o.Duration)
					}
					o.Duration, o.Received, o.Request.Now = 0, time.Time{}, 0
					got = append(got, *o)
				}
			})
			if tt.overload {
				defer occupy(t, svc)()
			}
			if err := svc.Process(play(t.Context(), tt.in...)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("observations (-want +got):\n%s", diff)
			}
		})
	}
}

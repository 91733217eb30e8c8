package server_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
)

// TestStreamTimes: a stream that says nothing is ended, and so is one that lives too long;
// one that has spoken may take its time.
func TestStreamTimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		first, life time.Duration
		speak       bool
	}{
		{"silent", 20 * time.Millisecond, 0, false},
		{"too long", time.Minute, 20 * time.Millisecond, true},
		{"silent for too long", time.Minute, 20 * time.Millisecond, false},
		{"too long after a while", 10 * time.Millisecond, 100 * time.Millisecond, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := timed(t, tt.first, tt.life)
			envoy := servertest.Start(t, svc, server.Transport{})
			for range 2 { // the exchange is used again
				stream := open(t, envoy)
				if tt.speak {
					if _, err := stream.Ask(request(get("api.acme.example", "https://app.acme.example"))); err != nil {
						t.Fatal(err)
					}
				}
				reply, err := stream.Receive()
				if status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("got %v, %v, want DeadlineExceeded", reply, err)
				}
				none(t, svc)
			}
		})
	}
	t.Run("a slow application", func(t *testing.T) {
		t.Parallel()
		const first = 30 * time.Millisecond
		stream := open(t, servertest.Start(t, timed(t, first, 0), server.Transport{}))
		if _, err := stream.Ask(request(get("api.acme.example", "https://app.acme.example"))); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * first)
		if reply, err := stream.Ask(response()); err != nil || shape(reply) != "response_headers" {
			t.Errorf("got %v, %v, want a reply", reply, err)
		}
	})
}

// timed is a service that holds streams to limits until the test ends.
func timed(t *testing.T, first, life time.Duration) *server.Service {
	t.Helper()
	svc := service(t, snapshot(t, acme), func(cfg *server.Config) { cfg.FirstMessage, cfg.StreamLife = first, life })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		svc.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return svc
}

// none waits until no stream is open.
func none(t *testing.T, svc *server.Service) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	for svc.Active() > 0 {
		select {
		case <-deadline:
			t.Fatalf("%d streams are still open", svc.Active())
		case <-time.After(time.Millisecond):
		}
	}
}

func open(t *testing.T, envoy *servertest.Envoy) *servertest.Stream {
	t.Helper()
	stream, err := envoy.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	return stream
}

// TestEnvoyLeaves: at each step of the protocol the handler returns and nothing stays (F95).
func TestEnvoyLeaves(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	svc := service(t, snapshot(t, acme), func(cfg *server.Config) {
		cfg.Observe = func(*server.Observation) { ended <- struct{}{} }
	})
	envoy := servertest.Start(t, svc, server.Transport{})
	for _, messages := range [][]*message{nil, {request(get("api.acme.example", "https://app.acme.example"))}} {
		stream, err := envoy.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, msg := range messages {
			if _, err := stream.Ask(msg); err != nil {
				t.Fatal(err)
			}
			<-ended
		}
		stream.Close()
	}
	none(t, svc)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	health := server.NewHealth()
	envoy := servertest.Start(t, service(t, snapshot(t, acme), nil), server.Transport{}, health.Register)
	client := healthpb.NewHealthClient(envoy.Conn())
	says := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, name := range []string{"", server.ServiceName} {
			got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
			if err != nil || got.GetStatus() != want {
				t.Errorf("service %q: got %v, %v, want %v", name, got.GetStatus(), err, want)
			}
		}
	}
	says(healthpb.HealthCheckResponse_NOT_SERVING)
	health.SetServing(true)
	says(healthpb.HealthCheckResponse_SERVING)
	health.Shutdown()
	health.SetServing(true)
	says(healthpb.HealthCheckResponse_NOT_SERVING)
}

// TestMessageLimit: a message beyond the limit ends its stream and no other.
func TestMessageLimit(t *testing.T) {
	t.Parallel()
	envoy := servertest.Start(t, service(t, snapshot(t, acme), nil), server.Transport{})
	huge := get("api.acme.example", "https://app.acme.example")
	huge.Headers = append(huge.Headers, [2]string{"x-huge", string(make([]byte, 600<<10))})
	_, err := open(t, envoy).Ask(request(huge))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
	if reply, err := open(t, envoy).Ask(request(get("api.acme.example", ""))); err != nil || reply == nil {
		t.Errorf("the next stream got %v, %v", reply, err)
	}
}

func TestConfigProblemsComeTogether(t *testing.T) {
	t.Parallel()
	_, err := server.New(server.Config{UnknownTenant: 9, MaxStreams: -1, FirstMessage: -time.Second})
	const want = "configuring the ext_proc service: no registry\n" +
		"unknown tenant choice 9 does not exist\n" +
		"a stream cannot be silent for -1s and live for 0s\n" +
		"at most -1 streams is less than none"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

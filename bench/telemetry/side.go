package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/corsgate/corsgate/bench/cputime"
)

// side is a server process and the way to it.
type side struct {
	name    string
	cmd     *exec.Cmd
	conns   []*grpc.ClientConn
	metrics string
	scraped time.Time
}

// scrapeEvery is how often a Prometheus reads /metrics at the most, with its usual settings.
const scrapeEvery = 5 * time.Second

// connections are as many as Envoy has with two workers.
const connections = 2

func start(ctx context.Context, name string) (*side, error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "serve", name)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &side{name: name, cmd: cmd}
	var processor, admin string
	if _, err := fmt.Fscanln(out, &processor, &admin); err != nil {
		return nil, errors.Join(fmt.Errorf("telemetry %s does not listen: %w", name, err), s.stop())
	}
	if name == "on" {
		s.metrics = "http://" + admin + "/metrics"
	}
	for range connections {
		conn, err := grpc.NewClient("passthrough:///"+processor, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		s.conns = append(s.conns, conn)
	}
	return s, nil
}

// stop ends the process.
func (s *side) stop() error {
	var failed error
	for _, conn := range s.conns {
		failed = errors.Join(failed, conn.Close())
	}
	failed = errors.Join(failed, s.cmd.Process.Signal(syscall.SIGTERM))
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState.ExitCode() > 0 {
		failed = errors.Join(failed, err)
	}
	return failed
}

// round asks s.requests times and returns the processor time that the server took.
func (s *side) round(ctx context.Context, kind kind, set settings) (time.Duration, error) {
	before, err := s.used()
	if err != nil {
		return 0, err
	}
	var left atomic.Int64
	left.Store(int64(set.requests))
	group, ctx := errgroup.WithContext(ctx)
	for lane := range set.lanes {
		client := extprocv3.NewExternalProcessorClient(s.conns[lane%len(s.conns)])
		group.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := kind.ask(ctx, client); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := errors.Join(group.Wait(), s.scrape(ctx)); err != nil {
		return 0, err
	}
	after, err := s.used()
	return after - before, err
}

// scrape reads /metrics, as a Prometheus would every few seconds.
func (s *side) scrape(ctx context.Context) error {
	if s.metrics == "" || time.Since(s.scraped) < scrapeEvery {
		return nil
	}
	s.scraped = time.Now()
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, s.metrics, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Contains(text, []byte("cors_decisions_total")) {
		err = errors.New("the scrape has no decisions")
	}
	return err
}

// used is the processor time of the process so far.
func (s *side) used() (time.Duration, error) { return cputime.Of(s.cmd.Process.Pid) }

// kind is a request as Envoy sends it in design C.
type kind struct {
	name    string
	message *extprocv3.ProcessingRequest
}

func kinds() []kind {
	const allowed, denied = "https://app.acme.example", "https://evil.example"
	return []kind{
		{"actual, allowed", message("GET", allowed)},
		{"actual, denied", message("GET", denied)},
		{"preflight, allowed", message("OPTIONS", allowed, "access-control-request-method", "PUT", "access-control-request-headers", "content-type")},
	}
}

func message(method, origin string, more ...string) *extprocv3.ProcessingRequest {
	fields := append([]string{
		":authority", "api.acme.example", ":method", method, ":path", "/v1/orders/7", ":scheme", "https", "origin", origin,
		"x-request-id", "6d6c8e5e-0f0f-4b0b-8a8a-0123456789ab",
	}, more...)
	headers := &corev3.HeaderMap{}
	for i := 0; i < len(fields); i += 2 {
		headers.Headers = append(headers.Headers, &corev3.HeaderValue{Key: fields[i], RawValue: []byte(fields[i+1])})
	}
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headers, EndOfStream: true},
	}}
}

// ask is one stream: a message, its reply, and the end.
func (k kind) ask(ctx context.Context, client extprocv3.ExternalProcessorClient) error {
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx,
		"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
	defer cancel()
	stream, err := client.Process(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(k.message); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

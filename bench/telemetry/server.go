package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/corsgate/corsgate/internal/telemetry"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
)

const document = `{id: acme, hosts: [api.acme.example], labels: {tier: gold}, policy: {origins: ["https://app.acme.example",
	"https://www.acme.example", "https://*.preview.acme.example"], methods: [PUT, DELETE], request_headers: [content-type, authorization],
	expose_headers: [x-request-id], credentials: true, max_age: 600s}}`

// serve is one side: it prints where it listens, and ends with a signal or when its standard input does.
func serve(on bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	doc, err := tenantdoc.Parse("bench", []byte(document))
	if err != nil {
		return err
	}
	snapshot := tenant.SnapshotOf(doc.Record)
	cfg := server.Config{Registry: snapshot}
	mux := http.NewServeMux()
	if on {
		measured, err := telemetry.New(settingsOf(snapshot))
		if err != nil {
			return err
		}
		if err := measured.Start(ctx); err != nil {
			return err
		}
		defer measured.Stop(ctx)
		cfg.Observe = measured.Observe
		mux.Handle("GET /metrics", measured.Metrics())
	}
	svc, err := server.New(cfg)
	if err != nil {
		return err
	}
	processor, admin, err := listen(ctx)
	if err != nil {
		return err
	}
	pages := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = pages.Serve(admin) }() // ends with the process
	srv := grpc.NewServer(server.GRPCOptions(server.Transport{})...)
	svc.Register(srv)
	fmt.Println(processor.Addr(), admin.Addr())
	go func() {
		<-ctx.Done()
		srv.Stop()
	}()
	return errors.Join(srv.Serve(processor), pages.Close())
}

// settingsOf is telemetry as serve has it by default, with spans sent to where nobody listens: none is sampled.
func settingsOf(registry tenant.Registry) telemetry.Config {
	return telemetry.Config{
		Version: "bench", Tiers: telemetry.DefaultTiers(), Sampling: telemetry.DefaultSampling(), Origins: true,
		Traces: telemetry.OTLPGRPC, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		Explain: func(k tenant.Key, r *policy.Request) tenant.Explanation {
			v := registry.Lookup(context.Background(), k)
			return v.Explain(r, policy.UnknownRefuse)
		},
	}
}

func listen(ctx context.Context) (processor, admin net.Listener, err error) {
	var lc net.ListenConfig
	if processor, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err == nil {
		admin, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	return processor, admin, err
}

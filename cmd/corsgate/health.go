package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsgate/corsgate/internal/config"
)

// healthSettings are the flags of health.
type healthSettings struct {
	addr       string
	service    string
	timeout    time.Duration
	ca         string
	clientCert string
	clientKey  string
	serverName string
}

func (p *program) healthCommand() *cobra.Command {
	var s healthSettings
	cmd := &cobra.Command{
		Use:   "health [flags]",
		Short: "Ask a serving process whether it serves",
		Long: "Asks by the gRPC health protocol. Exits 0 when the answer is SERVING and 1 otherwise,\n" +
			"for the health command of a container.",
		Example: "  corsgate health\n  corsgate health --addr unix:/run/corsgate/cors.sock",
	}
	f := cmd.Flags()
	f.StringVar(&s.addr, "addr", "127.0.0.1:9002", "`ADDRESS` where the process listens: host:port or unix:PATH")
	f.StringVar(&s.service, "service", "", "`NAME` of the service to ask for; empty for the whole process")
	f.DurationVar(&s.timeout, "timeout", 2*time.Second, "longest wait for the answer")
	f.StringVar(&s.ca, "ca", "", "`FILE` of the authorities (PEM) of the server; given, TLS is spoken")
	f.StringVar(&s.clientCert, "client-cert", "", "`FILE` of a client certificate (PEM)")
	f.StringVar(&s.clientKey, "client-key", "", "`FILE` of its private key (PEM)")
	f.StringVar(&s.serverName, "server-name", "", "`NAME` in the server's certificate; the host of --addr by default")
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(ctx context.Context, _ []string) error {
		return p.health(ctx, s)
	}})
}

func (s *healthSettings) check(src config.Sources) config.Problems {
	var ps config.Problems
	if _, err := config.ParseAddress(s.addr); err != nil {
		ps = append(ps, config.Problem{Source: src.Of("addr"), Detail: err.Error(), Fix: "write host:port or unix:PATH"})
	}
	if (s.clientCert == "") != (s.clientKey == "") {
		ps = append(ps, config.Problem{Source: src.Of("client-cert"), Detail: "a client certificate and its key belong together", Fix: "set both or none"})
	}
	if s.clientCert != "" && s.ca == "" {
		ps = append(ps, config.Problem{Source: src.Of("client-cert"), Detail: "a client certificate is only sent over TLS", Fix: "set --ca too"})
	}
	return ps
}

func (p *program) health(ctx context.Context, s healthSettings) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	transport, err := s.credentials()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(s.target(), grpc.WithTransportCredentials(transport))
	if err != nil {
		return fmt.Errorf("asking %s: %w", s.addr, err)
	}
	defer func() { _ = conn.Close() }() // the answer is there or not already
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: s.service})
	if err != nil {
		return fmt.Errorf("asking %s: %w", s.addr, err)
	}
	if _, err := fmt.Fprintln(p.stdout, answer.GetStatus()); err != nil {
		return err
	}
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return &exit{code: exitFailed}
	}
	return nil
}

// target is the address as gRPC wants it. "passthrough" keeps it from asking a proxy or DNS service records.
func (s *healthSettings) target() string {
	address, err := config.ParseAddress(s.addr)
	if err == nil && address.Network == "unix" {
		return "unix:" + address.Location
	}
	return "passthrough:///" + s.addr
}

func (s *healthSettings) credentials() (credentials.TransportCredentials, error) {
	if s.ca == "" {
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, fmt.Errorf("reading the server's authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the server's authorities: no certificate in %s", s.ca)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: s.serverName}
	if s.clientCert != "" {
		pair, err := tls.LoadX509KeyPair(s.clientCert, s.clientKey)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(cfg), nil
}

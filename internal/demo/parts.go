package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/corsgate/corsgate/envoy"
)

// answerBound is how long the first answer through everything may take.
const answerBound = 10 * time.Second

// newClient returns a client for questions to the parts of the demo. It keeps no
// connection, so that none outlives its part.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
}

// startGateway renders Envoy's configuration and runs it.
func (d *demo) startGateway(ctx context.Context) error {
	o := envoy.DefaultOptions(envoy.Metadata)
	o.Listen, o.Admin = d.o.Listen, "127.0.0.1:0"
	o.Processors = []string{d.processor.addr()}
	o.Upstream = d.shop.Addr().String()
	text, err := envoy.Render(o)
	if err != nil {
		return fmt.Errorf("rendering envoy's configuration: %w", err)
	}
	config := filepath.Join(d.dir, "envoy.yaml")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return fmt.Errorf("writing envoy's configuration: %w", err)
	}
	d.gateway, err = startEnvoy(ctx, d.o.Envoy, config, d.journal)
	if err != nil {
		return err
	}
	d.later(d.gateway.stop)
	addr, err := d.gateway.address(ctx)
	if err != nil {
		return err
	}
	go d.watchGateway()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("reading envoy's address: %w", err)
	}
	d.ready.API = "http://" + net.JoinHostPort(hostAPI, port)
	d.ready.EnvoyPID = d.gateway.pid()
	d.ready.Curl = tries(addr, d.ready)
	d.apiAddr = addr
	return nil
}

// watchGateway reports an Envoy that ends before it is told to.
func (d *demo) watchGateway() {
	<-d.gateway.done
	d.failed <- fmt.Errorf("running envoy: it %w", d.gateway.end())
}

// awaitAnswer makes a preflight until corsgate answers it through Envoy, which
// calls no processor that has not passed its health check yet. Any answer of
// corsgate will do: the tenants file may be the user's own by now.
func (d *demo) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := d.preflight(ctx)
		if err == nil && status != http.StatusServiceUnavailable {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("status %d", status)
		}
		select {
		case <-tick.C:
		case failure := <-d.failed:
			return failure
		case <-ctx.Done():
			return fmt.Errorf("waiting for an answer through envoy: %w", errors.Join(err, ctx.Err()))
		}
	}
}

func (d *demo) preflight(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, "http://"+d.apiAddr+"/v1/orders", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Host = hostAPI
	req.Header.Set("Origin", d.ready.Allowed)
	req.Header.Set("Access-Control-Request-Method", http.MethodPut)
	resp, err := newClient().Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

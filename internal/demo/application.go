package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Application serves the demo's sample application alone until ctx ends, for setups in
// which Envoy and corsgate run elsewhere. It closes l.
func Application(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: shop(), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	undo := context.AfterFunc(ctx, func() {
		bound, end := context.WithTimeout(context.WithoutCancel(ctx), stopBound)
		defer end()
		stopped <- shutdown(bound, server)
	})
	err := server.Serve(l)
	if undo() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the sample application on %s: %w", l.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stopping the sample application: %w", err)
	}
	return nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/corsgate/corsgate/internal/config"
)

// socketMode lets the owner and the group connect. Put Envoy's user into the group.
const socketMode = 0o660

// probeTimeout bounds the question whether somebody listens on an existing socket.
const probeTimeout = time.Second

// listen binds the address. Closing a listener on a Unix socket removes its file.
func listen(ctx context.Context, text string) (net.Listener, error) {
	address, err := config.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	if address.Network == "unix" {
		if err := removeStale(ctx, address.Location); err != nil {
			return nil, err
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, address.Network, address.Location)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", text, err)
	}
	if address.Network == "unix" {
		if err := os.Chmod(address.Location, socketMode); err != nil {
			return nil, errors.Join(fmt.Errorf("setting the mode of %s: %w", address.Location, err), l.Close())
		}
	}
	return l, nil
}

// removeStale removes the socket file that a killed process left at path. A
// socket on which somebody listens, and any other kind of file, is left alone and is an error.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listening on unix:%s: the file exists and is not a socket", path)
	}
	dialer := net.Dialer{Timeout: probeTimeout}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("listening on unix:%s: another process listens there", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("asking who listens on unix:%s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the stale socket: %w", err)
	}
	return nil
}

package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxSocketPath is the longest path of a Unix socket (sun_path of Linux, less its NUL).
const maxSocketPath = 107

// Address is where to listen.
type Address struct {
	// Network is "tcp" or "unix".
	Network string
	// Location is host:port, or the path of the socket.
	Location string
}

// ParseAddress reads "host:port" or "unix:PATH".
func ParseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if rest, ok := strings.CutPrefix(path, "//"); ok {
			path = rest
		}
		switch {
		case path == "" || strings.HasPrefix(path, "@"):
			return Address{}, errors.New("a Unix socket needs a path in the file system")
		case len(path) > maxSocketPath:
			return Address{}, fmt.Errorf("the path of a Unix socket has at most %d bytes", maxSocketPath)
		}
		return Address{Network: "unix", Location: path}, nil
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, fmt.Errorf("%q is not host:port", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return Address{}, fmt.Errorf("%q is not a port number", port)
	}
	return Address{Network: "tcp", Location: text}, nil
}

// Host is the name or address in a, or "" for all addresses and for a socket.
func (a Address) Host() string {
	if a.Network == "unix" {
		return ""
	}
	host, _, _ := net.SplitHostPort(a.Location) // [ParseAddress] made sure of it
	return host
}

// Local reports whether only this machine can reach the address: a Unix
// socket, a loopback address or "localhost".
func (a Address) Local() bool {
	if a.Network == "unix" {
		return true
	}
	host := a.Host()
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

package rum

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of the server. A beacon is one small packet; who is slow has no claim to a connection.
const (
	readTimeout    = 5 * time.Second
	writeTimeout   = 10 * time.Second
	idleTimeout    = 15 * time.Second
	maxHeaderBytes = 8 << 10
	maxConnections = 256
)

// Server is an HTTP server of c that slow and hostile clients cannot wear out; serve it on a listener
// that [Limit] made. It logs nothing: what net/http has to say of connections carries client addresses.
func (c *Collector) Server() *http.Server {
	return &http.Server{
		Handler:        c,
		ReadTimeout:    readTimeout, // with the headers
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

// Limit bounds the connections that are open at once; further ones wait.
func Limit(l net.Listener) net.Listener { return netutil.LimitListener(l, maxConnections) }

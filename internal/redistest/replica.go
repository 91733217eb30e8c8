package redistest

import (
	"context"
	"errors"
	"net"
	"strings"
)

// StartReplica starts a server that copies another one, which it reaches at addr: of.Addr(), or a [Link] to it.
// It has the options of the other but no directory to keep writes in, and may still be empty: see [Server.AwaitSync].
func StartReplica(tb TB, of *Server, addr string) *Server {
	tb.Helper()
	opt := of.opt
	opt.AppendOnlyDir = ""
	s := newServer(tb, opt)
	s.role = []string{"replicaof " + hostPort(tb, addr)}
	s.start()
	return s
}

// hostPort is an address as redis.conf writes it.
func hostPort(tb TB, addr string) string {
	tb.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatalf("%q is no address: %v", addr, err)
	}
	return host + " " + port
}

// AwaitSync waits until a replica is connected and has all that its primary had when it connected.
func (s *Server) AwaitSync() {
	s.tb.Helper()
	await(s.tb, "the replica has synchronised", func(ctx context.Context) error {
		text, err := s.admin.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(text, "master_link_status:up\r\n") {
			err = errors.New("its link to the primary is not up")
		}
		return err
	})
}

// Promote makes a replica a primary, whatever it has copied.
func (s *Server) Promote() {
	s.tb.Helper()
	s.Do("REPLICAOF", "NO", "ONE")
}

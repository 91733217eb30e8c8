package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// MasterName is what the Sentinels call the primary.
const MasterName = "corsgate"

const (
	sentinels = 3
	replicas  = 2
	quorum    = 2
	// A Sentinel takes a server for down that gave no answer for so many milliseconds: patient as a rule, since a server on
	// a starved machine stands still for a while and a failover loses what is not replicated; eager while one is wanted.
	patientDownAfter = 60_000
	eagerDownAfter   = 500
	// failoverTimeout is half of after how many milliseconds a failover is tried again, for example
	// when no Sentinel got the votes of the others.
	failoverTimeout = 1000
)

// Sentinel is a primary and two replicas, watched by three Sentinels.
type Sentinel struct {
	tb TB
	// Servers are the primary at the start, and its replicas.
	Servers []*Server
	// Sentinels watch them.
	Sentinels []*Server
}

// StartSentinel starts servers and Sentinels, and waits until all know each other.
func StartSentinel(tb TB, opt Options) *Sentinel {
	tb.Helper()
	set := &Sentinel{tb: tb}
	primary := Start(tb, opt)
	set.Servers = append(set.Servers, primary)
	for range replicas {
		set.Servers = append(set.Servers, StartReplica(tb, primary, primary.Addr()))
	}
	for _, s := range set.Servers[1:] {
		s.AwaitSync() // a Sentinel asks for replicas when it starts, and then every 10 s
	}
	for range sentinels {
		s := newServer(tb, Options{TLS: opt.TLS, ACL: opt.SentinelACL})
		s.args = []string{"--sentinel"}
		s.role = []string{
			fmt.Sprintf("sentinel monitor %s %s %d", MasterName, hostPort(tb, primary.Addr()), quorum),
			"sentinel auth-user " + MasterName + " " + adminUser,
			"sentinel auth-pass " + MasterName + " " + adminPassword,
			"sentinel sentinel-user " + adminUser, "sentinel sentinel-pass " + adminPassword,
			fmt.Sprintf("sentinel down-after-milliseconds %s %d", MasterName, patientDownAfter),
			fmt.Sprintf("sentinel failover-timeout %s %d", MasterName, failoverTimeout),
			fmt.Sprintf("sentinel parallel-syncs %s %d", MasterName, replicas),
		}
		s.start()
		set.Sentinels = append(set.Sentinels, s)
	}
	await(tb, "the Sentinels know everybody", func(ctx context.Context) error {
		for _, s := range set.Sentinels {
			state, err := s.admin.Do(ctx, "SENTINEL", "MASTER", MasterName).Slice()
			if err != nil {
				return err
			}
			got := pairs(state)
			if got["flags"] != "master" || got["num-slaves"] != strconv.Itoa(replicas) || got["num-other-sentinels"] != strconv.Itoa(sentinels-1) {
				return fmt.Errorf("a Sentinel knows of %s replicas and %s others, and the primary is %s", got["num-slaves"], got["num-other-sentinels"], got["flags"])
			}
		}
		return nil
	})
	return set
}

// pairs is a flat reply of names and values.
func pairs(reply []any) map[string]string {
	out := make(map[string]string)
	for kv := range slices.Chunk(reply, 2) {
		if len(kv) == 2 {
			out[fmt.Sprint(kv[0])] = fmt.Sprint(kv[1])
		}
	}
	return out
}

// Addrs are the addresses of the Sentinels.
func (s *Sentinel) Addrs() []string { return addrs(s.Sentinels) }

func addrs(servers []*Server) []string {
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.Addr()
	}
	return out
}

// Primary is the server that the Sentinels agree on, when it knows so itself.
func (s *Sentinel) Primary() *Server {
	s.tb.Helper()
	var primary *Server
	await(s.tb, "the Sentinels agree on a primary", func(ctx context.Context) error {
		var err error
		primary, err = s.agreed(ctx)
		return err
	})
	return primary
}

func (s *Sentinel) agreed(ctx context.Context) (*Server, error) {
	var addr string
	for _, sentinel := range s.Sentinels {
		reply, err := sentinel.admin.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName).StringSlice()
		if err != nil {
			return nil, err
		}
		if len(reply) != 2 {
			return nil, fmt.Errorf("a Sentinel answers %q", reply)
		}
		at := reply[0] + ":" + reply[1]
		if addr != "" && at != addr {
			return nil, fmt.Errorf("one says %s, another %s", addr, at)
		}
		addr = at
	}
	i := slices.IndexFunc(s.Servers, func(s *Server) bool { return s.Addr() == addr })
	if i < 0 {
		return nil, fmt.Errorf("nobody is at %s", addr)
	}
	if s.Servers[i].process().ended() {
		return nil, fmt.Errorf("the server at %s is down", addr) // a client that cannot connect leaves a goroutine for a while
	}
	role, err := s.Servers[i].admin.Do(ctx, "ROLE").Slice()
	if err != nil {
		return nil, err
	}
	if len(role) == 0 || role[0] != "master" {
		return nil, fmt.Errorf("the server at %s is %v", addr, role)
	}
	return s.Servers[i], nil
}

// Failover kills the primary and returns its successor when the Sentinels have made one. The
// killed server stays down until [Server.Restart]; the Sentinels then make a replica of it.
func (s *Sentinel) Failover() *Server {
	s.tb.Helper()
	old := s.Primary()
	s.setDownAfter(eagerDownAfter)
	old.Kill()
	await(s.tb, "there is another primary", func(ctx context.Context) error {
		primary, err := s.agreed(ctx)
		if err == nil && primary == old {
			err = errors.New("the Sentinels still name the old one")
		}
		return err
	})
	s.setDownAfter(patientDownAfter)
	return s.Primary() // should the successor have been taken for down in the meantime
}

func (s *Sentinel) setDownAfter(milliseconds int) {
	s.tb.Helper()
	for _, sentinel := range s.Sentinels {
		sentinel.Do("SENTINEL", "SET", MasterName, "down-after-milliseconds", milliseconds)
	}
}

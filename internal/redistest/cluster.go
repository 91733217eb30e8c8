package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	masters = 3
	slots   = 16_384
)

// Cluster is a Redis Cluster of three masters.
type Cluster struct {
	tb TB
	// Masters are the masters at the start, each with a third of the slots.
	Masters []*Server
	// Replicas has a replica of each master, in their order, or nobody.
	Replicas []*Server
}

// StartCluster starts a Cluster, with a replica of each master if wanted, and waits until every member
// knows who has which slot.
func StartCluster(tb TB, opt Options, withReplicas bool) *Cluster {
	tb.Helper()
	if opt.AppendOnlyDir != "" {
		tb.Fatalf("the members of a Cluster cannot share the directory %s", opt.AppendOnlyDir)
	}
	c := &Cluster{tb: tb}
	for i := range masters {
		s := startMember(tb, opt)
		s.Do("CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		c.Masters = append(c.Masters, s)
	}
	if withReplicas {
		for range masters {
			c.Replicas = append(c.Replicas, startMember(tb, opt))
		}
	}
	first, others := c.members()[0], c.members()[1:]
	for _, s := range others {
		first.Do("CLUSTER", "MEET", "127.0.0.1", s.port, s.bus)
	}
	await(tb, "the members know each other", func(ctx context.Context) error { return c.settled(ctx, 0) })
	for i, s := range c.Replicas {
		s.Do("CLUSTER", "REPLICATE", c.Masters[i].Do("CLUSTER", "MYID"))
	}
	for _, s := range c.Replicas {
		s.AwaitSync()
	}
	await(tb, "the members know the replicas", func(ctx context.Context) error { return c.settled(ctx, len(c.Replicas)) })
	return c
}

func startMember(tb TB, opt Options) *Server {
	tb.Helper()
	s := newServer(tb, opt)
	s.role = []string{"cluster-node-timeout 1000", "cluster-announce-ip 127.0.0.1"}
	bus, err := freePort()
	if err != nil {
		tb.Fatalf("starting a member of a Cluster: %v", err)
	}
	s.bus = bus
	s.start()
	return s
}

func (c *Cluster) members() []*Server { return slices.Concat(c.Masters, c.Replicas) }

// settled tells who does not know everybody yet.
func (c *Cluster) settled(ctx context.Context, replicas int) error {
	for _, s := range c.members() {
		text, err := s.admin.Do(ctx, "CLUSTER", "INFO").Text()
		if err != nil {
			return err
		}
		for _, want := range []string{"cluster_state:ok", "cluster_known_nodes:" + strconv.Itoa(len(c.members())), "cluster_slots_ok:" + strconv.Itoa(slots)} {
			if !strings.Contains(text, want+"\r\n") {
				return fmt.Errorf("%s does not say %s", s.Addr(), want)
			}
		}
		nodes, err := s.admin.Do(ctx, "CLUSTER", "NODES").Text()
		if err != nil {
			return err
		}
		if n := strings.Count(nodes, "slave "); n != replicas {
			return fmt.Errorf("%s knows of %d replicas", s.Addr(), n)
		}
	}
	return nil
}

// Addrs are the addresses of all members.
func (c *Cluster) Addrs() []string { return addrs(c.members()) }

// Owner is the member that serves a key now.
func (c *Cluster) Owner(key string) *Server {
	c.tb.Helper()
	var owner *Server
	await(c.tb, "somebody serves "+key, func(ctx context.Context) error {
		for _, s := range c.members() {
			if s.process().ended() {
				continue
			}
			// Any other member sends the client elsewhere, a replica too.
			if s.admin.Exists(ctx, key).Err() == nil {
				owner = s
				return nil
			}
		}
		return errors.New("nobody does")
	})
	return owner
}

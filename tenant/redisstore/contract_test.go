package redisstore_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// accounts are one of each kind, and no others.
func accounts() redistest.Options {
	return redistest.Options{ACL: []string{
		"user default off",
		"user reader on >r-secret " + redisstore.ReaderRules(prefix),
		"user writer on >w-secret " + redisstore.WriterRules(prefix),
	}}
}

func as(user, password string) func(*redisstore.Options) {
	return func(o *redisstore.Options) {
		o.Username, o.Password = user, func() (string, error) { return password, nil }
	}
}

// site is a Redis for the contract: where it is, and the server that has the registry.
type site struct {
	where  func(*redisstore.Options)
	server *redistest.Server
	// rounds as in [storetest.Subject]: a writer connects for each attempt, which takes its time with TLS
	// or Sentinels.
	rounds int
}

const fewRounds = 5

// The contract of package store, with no more rights than needed.
func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t, accounts())
		s := site{where: func(o *redisstore.Options) { o.Addresses = []string{server.Addr()} }, server: server}
		storetest.Run(t, s.anew)
		nothingDenied(t, server)
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		opt := accounts()
		opt.TLS = redistest.NewCertificates(t)
		server := redistest.Start(t, opt)
		s := site{where: func(o *redisstore.Options) {
			o.Addresses, o.TLS = []string{server.Addr()}, clientTLS(opt.TLS)
		}, server: server, rounds: fewRounds}
		storetest.Run(t, s.anew)
		nothingDenied(t, server)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster := redistest.StartCluster(t, accounts(), false)
		s := site{where: func(o *redisstore.Options) {
			o.Addresses, o.Cluster = cluster.Addrs(), true
		}, server: cluster.Owner(prefix + "meta"), rounds: fewRounds}
		storetest.Run(t, s.anew)
		for _, member := range cluster.Masters {
			nothingDenied(t, member)
		}
	})
	t.Run("Sentinels, after a failover", afterFailover)
}

// The stores are made before the failover, and keep the contract after it.
func afterFailover(t *testing.T) {
	t.Parallel()
	opt := accounts()
	opt.SentinelACL = []string{"user default off", redistest.User("watcher", "s-secret", redisstore.SentinelRules)}
	set := redistest.StartSentinel(t, opt)
	s := site{where: func(o *redisstore.Options) {
		o.Addresses, o.SentinelMaster = set.Addrs(), redistest.MasterName
		o.SentinelUsername, o.SentinelPassword = "watcher", func() (string, error) { return "s-secret", nil }
	}, server: set.Primary(), rounds: fewRounds}
	writer, reader := s.connect(t, "writer", "w-secret"), s.connect(t, "reader", "r-secret")
	s.server.Do("SET", prefix+"tenant:acme", "{}") // what recovers reads
	s.server.Do("WAIT", 2, 5000)
	recovers(t, writer)
	recovers(t, reader)
	s.server = set.Failover()
	recovers(t, writer)
	recovers(t, reader)
	storetest.Run(t, func(*testing.T) storetest.Subject { return s.subject(writer, reader) })
	for _, server := range append(set.Sentinels, s.server) {
		nothingDenied(t, server)
	}
}

func clientTLS(c *redistest.Certificates) func() (*tls.Config, error) {
	return redisstore.Certificates{CA: c.CA, Cert: c.ClientCert, Key: c.ClientKey}.Config
}

// connect makes a store that ends with the test. The contract is not about time-outs.
func (s site) connect(t *testing.T, user, password string) *redisstore.Store {
	t.Helper()
	return open(t, s.server, func(o *redisstore.Options) {
		as(user, password)(o)
		o.Timeout, o.DialTimeout = 10*time.Second, 10*time.Second
		s.where(o)
	})
}

// anew is an empty registry with stores that are new, too.
func (s site) anew(t *testing.T) storetest.Subject {
	return s.subject(s.connect(t, "writer", "w-secret"), s.connect(t, "reader", "r-secret"))
}

// subject empties the registry.
func (s site) subject(writer, reader *redisstore.Store) storetest.Subject {
	do := s.server.Do
	do("FLUSHALL")
	return storetest.Subject{
		Writer: writer, Source: reader, Rounds: s.rounds,
		Put:     func(id string, data []byte) { do("SET", prefix+"tenant:"+id, data) },
		Own:     func(host, id string) { do("SET", prefix+"host:"+host, id) },
		Lose:    func(id string) { do("DEL", prefix+"tenant:"+id) },
		Mistype: func(id string) { do("DEL", prefix+"tenant:"+id); do("RPUSH", prefix+"tenant:"+id, "x") },
		Trim:    func(n int) { do("XTRIM", prefix+"changes", "MAXLEN", n) },
		Announce: func(id, kind string, revision int64) {
			args := []any{"XADD", prefix + "changes", "*", "tenant", id, "kind", kind}
			if revision != 0 {
				args = append(args, "revision", revision)
			}
			do(args...)
		},
	}
}

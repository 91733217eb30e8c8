package redisstore_test

import (
	"testing"

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

// The contract of package store, with no more rights than needed.
func TestContract(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		server := redistest.Start(t, accounts())
		contract(t, server, func(o *redisstore.Options) { o.Addresses = []string{server.Addr()} })
	})
	t.Run("cluster", func(t *testing.T) {
		cluster := redistest.StartCluster(t, accounts(), false)
		contract(t, cluster.Owner(prefix+"meta"), func(o *redisstore.Options) { o.Addresses, o.Cluster = cluster.Addrs(), true })
	})
	t.Run("Sentinels", func(t *testing.T) {
		set := redistest.StartSentinel(t, accounts())
		contract(t, set.Primary(), func(o *redisstore.Options) {
			o.Addresses, o.SentinelMaster = set.Addrs(), redistest.MasterName
		})
	})
}

// contract runs the suite; server is the one that has the registry.
func contract(t *testing.T, server *redistest.Server, where func(*redisstore.Options)) {
	t.Helper()
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		server.Do("FLUSHALL")
		on := func(user, password string) *redisstore.Store {
			return open(t, server, func(o *redisstore.Options) {
				as(user, password)(o)
				where(o)
			})
		}
		return storetest.Subject{
			Writer: on("writer", "w-secret"),
			Reader: on("reader", "r-secret"),
			Put:    func(id string, data []byte) { server.Do("SET", prefix+"tenant:"+id, data) },
			Mistype: func(id string) {
				server.Do("DEL", prefix+"tenant:"+id)
				server.Do("RPUSH", prefix+"tenant:"+id, "x")
			},
			Trim: func(n int) { server.Do("XTRIM", prefix+"changes", "MAXLEN", n) },
			Announce: func(id, kind string, revision int64) {
				args := []any{"XADD", prefix + "changes", "*", "tenant", id, "kind", kind}
				if revision != 0 {
					args = append(args, "revision", revision)
				}
				server.Do(args...)
			},
		}
	})
}

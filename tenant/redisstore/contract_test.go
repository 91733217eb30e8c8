package redisstore_test

import (
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

// The contract of package store, on a server with an account of each kind.
func TestContract(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{
		"user default off",
		"user reader on >r-secret " + redisstore.ReaderRules(redisstore.DefaultPrefix),
		"user writer on >w-secret " + redisstore.WriterRules(redisstore.DefaultPrefix),
	}})
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		server.Do("FLUSHALL")
		return subject(server.Do, open(t, server, as("writer", "w-secret")), open(t, server, as("reader", "r-secret")))
	})
}

func as(user, password string) func(*redisstore.Options) {
	return func(o *redisstore.Options) {
		o.Username, o.Password = user, func() (string, error) { return password, nil }
	}
}

// subject is a store and what a test does behind its back by commands.
func subject(do func(args ...any) any, writer, reader *redisstore.Store) storetest.Subject {
	const p = redisstore.DefaultPrefix
	return storetest.Subject{
		Writer: writer,
		Reader: reader,
		Put:    func(id string, data []byte) { do("SET", p+"tenant:"+id, data) },
		Mistype: func(id string) {
			do("DEL", p+"tenant:"+id)
			do("RPUSH", p+"tenant:"+id, "x")
		},
		Trim: func(n int) { do("XTRIM", p+"changes", "MAXLEN", n) },
		Announce: func(id, kind string, revision int64) {
			args := []any{"XADD", p + "changes", "*", "tenant", id, "kind", kind}
			if revision != 0 {
				args = append(args, "revision", revision)
			}
			do(args...)
		},
	}
}

package redisstore_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// account makes the options of a user of its own on the server.
func account(server *redistest.Server, name, rules string) func(*redisstore.Options) {
	server.Do(append([]any{"ACL", "SETUSER", name, "on", ">" + name + "-word"}, words(rules)...)...)
	return func(o *redisstore.Options) {
		o.Username = name
		o.Password = func() (string, error) { return name + "-word", nil }
	}
}

// nothingDenied fails if the rules of an account lack something.
func nothingDenied(t *testing.T, server *redistest.Server) {
	t.Helper()
	if log, _ := server.Do("ACL", "LOG").([]any); len(log) > 0 {
		t.Errorf("denied at %s: %v", server.Addr(), log)
	}
}

func TestReaderRules(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	for _, db := range []int{0, 2} {
		as := account(server, "reader", redisstore.ReaderRules(prefix))
		s := open(t, server, func(o *redisstore.Options) { as(o); o.DB = db })
		for name, f := range calls(s) {
			if err := f(t.Context()); err != nil {
				t.Errorf("database %d: %s: %v", db, name, err)
			}
		}
		if _, err := s.Changes(t.Context(), store.Position{}, 1, 1); err != nil {
			t.Errorf("database %d: waiting: %v", db, err)
		}
	}
	nothingDenied(t, server)
	s := open(t, server, func(o *redisstore.Options) {
		account(server, "reader", redisstore.ReaderRules(prefix))(o)
		o.Prefix = "{other}:"
	})
	if _, err := s.Head(t.Context()); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("keys of others: %v", err)
	}
}

// Each account can do no more than it must.
func TestRulesForbid(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	for name, rules := range map[string]string{"reader": redisstore.ReaderRules(prefix), "writer": redisstore.WriterRules(prefix)} {
		account(server, name, rules)
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: name, Password: name + "-word", DisableIdentity: true, Protocol: 2})
		defer client.Close()
		forbidden := [][]any{
			{"GETRANGE", "other", "0", "1"},
			{"SET", "other", "x"},
			{"EVAL", "return 1", "0"},
			{"FUNCTION", "LIST"},
			{"FLUSHALL"},
			{"FLUSHDB"},
			{"KEYS", "*"},
			{"CONFIG", "GET", "*"},
			{"ACL", "LIST"},
			{"CLIENT", "KILL", "TYPE", "normal"},
			{"CLIENT", "TRACKING", "ON", "BCAST"},
			{"SUBSCRIBE", "x"},
			{"PUBLISH", "x", "y"},
			{"MONITOR"},
			{"SHUTDOWN"},
			{"REPLICAOF", "127.0.0.1", "1"},
			{"RENAME", prefix + "a", prefix + "b"},
		}
		if name == "reader" {
			forbidden = append(forbidden, []any{"SET", prefix + "tenant:a", "x"}, []any{"XADD", prefix + "changes", "*", "a", "b"},
				[]any{"DEL", prefix + "tenant:a"}, []any{"HSET", prefix + "meta", "epoch", "x"}, []any{"EXPIRE", prefix + "tenant:a", "1"}, []any{"MULTI"})
		}
		for _, command := range forbidden {
			if err := client.Do(t.Context(), command...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
				t.Errorf("%s may %v: %v", name, command, err)
			}
		}
	}
}

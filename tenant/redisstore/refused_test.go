package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// refusal makes both kinds of write, which must fail with an error of the type and with advice, and
// must change nothing.
func refusal(t *testing.T, server *redistest.Server, s *redisstore.Store, kind redisstore.ErrorType, advice string) {
	t.Helper()
	check := unchanged(t, server)
	stored, _ := server.Do("GET", prefix+"tenant:a").(string)
	_, err := s.Apply(t.Context(), []store.Edit{put(revisionOf([]byte(stored)), "a", "new.example"), put(0, "b", "b.example"), put(0, "c", "c.example")}, ana())
	_, confirmErr := s.Confirm(t.Context(), ana())
	for name, err := range map[string]error{"Apply": err, "Confirm": confirmErr} {
		refused, ok := errors.AsType[*redisstore.RefusedError](err)
		if !ok || refused.Type != kind || !strings.Contains(err.Error(), advice) || errors.Is(err, redisstore.ErrOutcomeUnknown) {
			t.Errorf("%s: %v; want a refusal of type %q with %q", name, err, kind, advice)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	check()
}

func TestRefusals(t *testing.T) {
	type rules = func(*redisstore.Options)
	for _, c := range []struct {
		name   string
		begin  func(*redistest.Server) rules
		kind   redisstore.ErrorType
		advice string
	}{
		{"a replica", func(s *redistest.Server) rules {
			s.Do("REPLICAOF", "127.0.0.1", "1")
			return nil
		}, redisstore.ErrorReplica, "try again when the failover has ended"},
		{"full memory", func(s *redistest.Server) rules {
			s.Do("CONFIG", "SET", "maxmemory", "1")
			return nil
		}, redisstore.ErrorWrite, "raise it"},
		{"too few replicas", func(s *redistest.Server) rules {
			s.Do("CONFIG", "SET", "min-replicas-to-write", "1")
			return nil
		}, redisstore.ErrorWrite, "min-replicas-to-write"},
		{"a reader", user(redisstore.ReaderRules(prefix)), redisstore.ErrorPermission, "ACL SETUSER u " + redisstore.WriterRules(prefix)},
		{"no MULTI", user(redisstore.WriterRules(prefix) + " -multi"), redisstore.ErrorPermission, "ACL SETUSER u"},
		{"no EXEC", user(redisstore.WriterRules(prefix) + " -exec"), redisstore.ErrorPermission, "ACL SETUSER u"},
		{"no WATCH", user(redisstore.WriterRules(prefix) + " -watch"), redisstore.ErrorPermission, "ACL SETUSER u"},
		{"no XADD", user(redisstore.WriterRules(prefix) + " -xadd"), redisstore.ErrorPermission, "XADD {corsgate}:changes: NOPERM"},
		{"no HSETNX", user(redisstore.WriterRules(prefix) + " -hsetnx"), redisstore.ErrorPermission, "HSETNX {corsgate}:meta: NOPERM"},
		{"keys to read", user(redisstore.WriterRules(prefix) + " resetkeys %R~" + prefix + "*"), redisstore.ErrorPermission, "NOPERM"},
		{"other keys", user(redisstore.WriterRules("{other}:")), redisstore.ErrorPermission, "NOPERM"},
		{"a wrong password", func(s *redistest.Server) rules {
			return func(o *redisstore.Options) {
				user(redisstore.WriterRules(prefix))(s)(o)
				o.Password = func() (string, error) { return "wrong", nil }
			}
		}, redisstore.ErrorLogin, "give the name and the password of a writer"},
		{"changes of another type", func(s *redistest.Server) rules {
			s.Do("DEL", prefix+"changes")
			s.Do("SET", prefix+"changes", "x")
			return nil
		}, redisstore.ErrorWrongType, "something else uses the prefix"},
		{"meta of another type", func(s *redistest.Server) rules {
			s.Do("DEL", prefix+"meta")
			s.Do("SET", prefix+"meta", "x")
			return nil
		}, redisstore.ErrorWrongType, "something else uses the prefix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := redistest.Start(t, redistest.Options{})
			applied(t, patient(t, server), put(0, "a", "a.example"))
			refusal(t, server, patient(t, server, c.begin(server)), c.kind, c.advice)
		})
	}
}

// user makes the rules of an account.
func user(rules string) func(*redistest.Server) func(*redisstore.Options) {
	return func(s *redistest.Server) func(*redisstore.Options) {
		args := []any{"ACL", "SETUSER", "u", "on", ">u-secret"}
		for rule := range strings.FieldsSeq(rules) {
			args = append(args, rule)
		}
		s.Do(args...)
		return as("u", "u-secret")
	}
}

// A history that is no stream would leave the rest of a transaction done.
func TestHistoryOfAnotherType(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	applied(t, s, put(0, "a", "a.example"))
	for _, id := range []string{"a", "b"} { // one with a document and one without
		server.Do("DEL", prefix+"history:"+id)
		server.Do("SET", prefix+"history:"+id, "x")
		check := unchanged(t, server)
		_, err := s.Apply(t.Context(), []store.Edit{put(0, "c"), put(base(t, s, id), id)}, ana())
		if refused, ok := errors.AsType[*redisstore.RefusedError](err); !ok || refused.Type != redisstore.ErrorWrongType || !strings.Contains(err.Error(), "tenant "+id) {
			t.Errorf("tenant %s: %v", id, err)
		}
		check()
		server.Do("DEL", prefix+"history:"+id)
	}
}

func TestNewerSchema(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	for schema, want := range map[string]bool{"1": true, "2": false, "x": false} {
		server.Do("FLUSHALL")
		server.Do("HSET", prefix+"meta", "schema", schema)
		check := unchanged(t, server)
		_, err := s.Apply(t.Context(), []store.Edit{put(0, "a")}, ana())
		if (err == nil) != want || errors.Is(err, redisstore.ErrSchema) != (schema == "2") {
			t.Errorf("schema %s: %v", schema, err)
		}
		if !want {
			check()
		}
	}
}

// The rest of a transaction would be carried out although no change can be announced.
func TestStreamAtItsEnd(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	server.Do("XADD", prefix+"changes", "18446744073709551615-18446744073709551615", "tenant", "x")
	check := unchanged(t, server)
	if _, err := s.Apply(t.Context(), []store.Edit{put(0, "a", "a.example")}, ana()); err == nil || !strings.Contains(err.Error(), "remove the key") {
		t.Errorf("Apply: %v", err)
	}
	check()
}

// Redis with a full disk refuses writes and goes on serving reads.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("taking the small file system away: %v", err)
		}
	})
	server := redistest.Start(t, redistest.Options{AppendOnlyDir: dir, Config: []string{"appendfsync always", "auto-aof-rewrite-percentage 0"}})
	t.Cleanup(server.Kill) // before the file system goes
	s := patient(t, server)
	applied(t, s, put(0, "a", "a.example"))

	full, err := os.Create(filepath.Join(dir, "full"))
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for err == nil {
		_, err = full.Write(make([]byte, 4096))
	}
	// appendfsync always ends the server rather than lose what it confirmed; everysec refuses.
	server.Do("CONFIG", "SET", "appendfsync", "everysec")
	var refused *redisstore.RefusedError
	for n := int64(1); refused == nil; n++ {
		if n > 100 {
			t.Fatal("Redis does not notice its disk")
		}
		_, err := s.Apply(context.WithoutCancel(t.Context()), []store.Edit{put(base(t, s, "a"), "a", "a.example", fmt.Sprintf("h%d.example", n))}, ana())
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	refusal(t, server, s, redisstore.ErrorWrite, "make room")
	if docs, err := s.Documents(t.Context(), []string{"a"}); err != nil || docs.All[0].Data == nil {
		t.Errorf("reading: %v", err)
	}
	full.Truncate(0)
	eventually(t, func() bool {
		_, err := s.Apply(t.Context(), []store.Edit{put(base(t, s, "a"), "a")}, ana())
		return err == nil
	})
}

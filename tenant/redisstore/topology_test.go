package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// all makes every call of a reader, and tells what failed.
func all(ctx context.Context, s *redisstore.Store) error {
	var failed []error
	for _, f := range calls(s) {
		failed = append(failed, f(ctx))
	}
	_, err := s.Changes(ctx, store.Position{}, 1, time.Millisecond)
	return errors.Join(append(failed, err)...)
}

// recovers waits until every call succeeds, and there is a document of ours.
func recovers(t *testing.T, s *redisstore.Store) {
	t.Helper()
	begin := time.Now()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		err := all(t.Context(), s)
		if err == nil {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("does not recover: %v", err)
		}
		<-every.C
	}
	t.Logf("recovered after %v", time.Since(begin))
	docs, err := s.Documents(t.Context(), []string{"acme"})
	if err != nil || string(docs.All[0].Data) != "{}" {
		t.Errorf("the document is %q, %v", docs.All[0].Data, err)
	}
}

// Through Sentinels with TLS and logins of their own, each account with not more rights than it must have.
func TestSentinel(t *testing.T) {
	certificates := redistest.NewCertificates(t)
	set := redistest.StartSentinel(t, redistest.Options{TLS: certificates})
	set.Primary().Do("SET", prefix+"tenant:acme", "{}")
	set.Primary().Do("WAIT", 2, 5000)
	for _, s := range set.Sentinels {
		s.Do(append([]any{"ACL", "SETUSER", "watcher", "on", ">watcher-word"}, words(redisstore.SentinelRules)...)...)
	}
	for _, s := range set.Servers {
		account(s, "reader", redisstore.ReaderRules(prefix))
		s.Do("ACL", "SETUSER", "default", "off")
	}
	s := openAt(t, "", func(o *redisstore.Options) {
		o.Addresses, o.SentinelMaster = set.Addrs(), redistest.MasterName
		o.SentinelUsername, o.SentinelPassword = "watcher", func() (string, error) { return "watcher-word", nil }
		o.Username, o.Password = "reader", func() (string, error) { return "reader-word", nil }
		o.TLS = redisstore.Certificates{CA: certificates.CA, Cert: certificates.ClientCert, Key: certificates.ClientKey}.Config
	})
	recovers(t, s)
	set.Failover()
	recovers(t, s)
	for _, server := range append(set.Sentinels, set.Primary()) {
		nothingDenied(t, server)
	}

	wrong := openAt(t, "", func(o *redisstore.Options) {
		o.Addresses, o.SentinelMaster = set.Addrs(), redistest.MasterName
		o.SentinelUsername, o.SentinelPassword = "watcher", func() (string, error) { return "s3cret", nil }
		o.TLS = redisstore.Certificates{CA: certificates.CA, Cert: certificates.ClientCert, Key: certificates.ClientKey}.Config
	})
	begin := time.Now()
	_, err := wrong.Head(t.Context())
	if d := time.Since(begin); err == nil || d > time.Second {
		t.Errorf("with a wrong login at the Sentinels, after %v: %v", d, err)
	}
}

func TestCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, redistest.Options{}, true)
	owner := cluster.Owner(prefix + "meta")
	owner.Do("SET", prefix+"tenant:acme", "{}")
	owner.Do("XADD", prefix+"changes", "1-0", "tenant", "acme")
	owner.Do("WAIT", 1, 5000)
	for _, member := range append(cluster.Masters, cluster.Replicas...) {
		account(member, "reader", redisstore.ReaderRules(prefix))
	}
	// One address, of a member that does not hold the keys: the others are found.
	first := cluster.Masters[0]
	if first == owner {
		first = cluster.Masters[1]
	}
	s := openAt(t, first.Addr(), func(o *redisstore.Options) {
		o.Cluster = true
		o.Username, o.Password = "reader", func() (string, error) { return "reader-word", nil }
	})
	if err := all(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
	got, err := ids(t.Context(), s)
	if err != nil || len(got) != 1 || !got["acme"] {
		t.Errorf("ids %v, %v", got, err)
	}
	head, err := s.Head(t.Context())
	if err != nil || head.Time.IsZero() || !head.Exists {
		t.Errorf("head %+v, %v", head, err)
	}
	for _, member := range append(cluster.Masters, cluster.Replicas...) {
		stats := member.CommandStats()
		if member != owner && stats["getrange"].Calls+stats["scan"].Calls+stats["time"].Calls > 0 {
			t.Errorf("%s, which does not hold the keys, was asked: %v", member.Addr(), stats)
		}
		nothingDenied(t, member)
	}
	owner.Kill()
	begin := time.Now()
	if err := all(t.Context(), s); err == nil || time.Since(begin) > 7*time.Second {
		t.Errorf("with its server killed, after %v: %v", time.Since(begin), err)
	}
	for cluster.Owner(prefix+"meta") == owner { //nolint:revive // it asks a server each time
	}
	begin = time.Now()
	recovers(t, s)
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("the new owner of the keys was found after %v", d)
	}
}

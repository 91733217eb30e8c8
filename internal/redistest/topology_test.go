package redistest_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/internal/redistest"
)

func TestReplica(t *testing.T) {
	primary := redistest.Start(t, redistest.Options{ACL: []string{"user default off", redistest.User("r", "r", "~k* +get")}})
	primary.Do("SET", "k1", "v")
	link := redistest.Proxy(t, primary.Addr())
	replica := redistest.StartReplica(t, primary, link.Addr())
	replica.AwaitSync()
	if got := replica.Do("GET", "k1"); got != "v" {
		t.Errorf("the replica has %v, want v", got)
	}
	if err := client(t, replica.URLAt(replica.Addr(), "r", "r"), nil).Get(t.Context(), "k1").Err(); err != nil {
		t.Errorf("the users of the primary are not those of the replica: %v", err)
	}

	link.BlackHole() // it lags
	primary.Do("SET", "k2", "v")
	replica.Promote()
	if got := replica.Do("GET", "k2"); got != nil {
		t.Errorf("the replica has %v, want nothing of what came after the fault", got)
	}
	if got := replica.Do("SET", "k3", "v"); got != "OK" {
		t.Errorf("promoted, it answers %v to a write", got)
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS and users=%v", secure), func(t *testing.T) {
			t.Parallel()
			opt := redistest.Options{}
			if secure {
				opt.TLS = redistest.NewCertificates(t)
				opt.ACL, opt.SentinelACL = []string{"user default off"}, []string{"user default off"}
			}
			set := redistest.StartSentinel(t, opt)
			if len(set.Addrs()) != 3 || slices.Contains(set.Addrs(), set.Servers[0].Addr()) {
				t.Errorf("the Sentinels are at %v", set.Addrs())
			}
			first := set.Primary()
			if first != set.Servers[0] {
				t.Errorf("the primary is at %s, want %s", first.Addr(), set.Servers[0].Addr())
			}
			first.Do("SET", "k", "v")
			first.Do("WAIT", 2, 5000)
			standStill(t, set, first)
			if now := set.Primary(); now != first {
				t.Fatal("a primary that stood still for a moment has been replaced")
			}
			start := time.Now()
			second := set.Failover()
			t.Logf("failover took %v", time.Since(start))
			if second == first {
				t.Fatal("the primary is still the killed one")
			}
			if got := second.Do("GET", "k"); got != "v" {
				t.Errorf("the new primary has %v, want v", got)
			}
			if got := second.Do("SET", "k", "w"); got != "OK" {
				t.Errorf("the new primary answers %v to a write", got)
			}
		})
	}
}

// standStill stops the primary for longer than it takes to fail over where that is wanted, by the clock of the
// Sentinels, and requires that none of them takes it for down.
func standStill(t *testing.T, set *redistest.Sentinel, primary *redistest.Server) {
	t.Helper()
	const long = 1500 // milliseconds without an answer to a ping
	primary.Stop()
	defer primary.Cont()
	for _, sentinel := range set.Sentinels {
		deadline := time.Now().Add(20 * time.Second)
		for {
			state := sentinel.Admin().Do(t.Context(), "SENTINEL", "MASTER", redistest.MasterName)
			fields, err := state.StringSlice()
			if err != nil {
				t.Fatal(err)
			}
			i := slices.Index(fields, "last-ok-ping-reply")
			silent, err := strconv.Atoi(fields[i+1])
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("a Sentinel says %q: %v", fields, err)
			}
			if silent > long {
				if flags := fields[slices.Index(fields, "flags")+1]; flags != "master" {
					t.Errorf("after %d ms a Sentinel says that the primary is %s", silent, flags)
				}
				break
			}
			<-time.After(10 * time.Millisecond)
		}
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	t.Run("masters only, TLS", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t, redistest.Options{TLS: redistest.NewCertificates(t)}, false)
		owner := c.Owner("{corsgate}:k")
		owner.Do("SET", "{corsgate}:k", "v")
		for _, s := range c.Masters {
			err := s.Admin().Get(t.Context(), "{corsgate}:k").Err()
			var moved redis.Error
			if s != owner && (!errors.As(err, &moved) || !redis.HasErrorPrefix(err, "MOVED")) {
				t.Errorf("%s answers %v, want MOVED", s.Addr(), err)
			}
		}
		if len(c.Addrs()) != 3 || len(c.Replicas) != 0 {
			t.Errorf("members at %v", c.Addrs())
		}
	})
	t.Run("with replicas", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t, redistest.Options{}, true)
		owner := c.Owner("k")
		owner.Do("SET", "k", "v")
		owner.Do("WAIT", 1, 5000)
		owner.Kill()
		next := c.Owner("k")
		if next == owner || !slices.Contains(c.Replicas, next) {
			t.Errorf("after its master was killed, %s serves the key", next.Addr())
		}
		if got := next.Do("GET", "k"); got != "v" {
			t.Errorf("the replica has %v, want v", got)
		}
	})
}

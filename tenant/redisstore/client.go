package redisstore

import (
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Settings of the client library. Its defaults are made for throughput: with them a
// call to a server that hangs takes five seconds, whatever its context says.
const (
	// poolSize bounds the connections to one server; a reader needs few, as it pipelines.
	poolSize = 8
	// followPoolSize is the same for waiting for changes: one waits, one asks where a cluster's
	// slots are.
	followPoolSize = 2
	// poolTimeout is how long a call may wait for another one's connection.
	poolTimeout = 20 * time.Millisecond
	// idleTime and lifetime bound how long a connection can be with a server that is no
	// longer the one that the name leads to.
	idleTime       = 2 * time.Minute
	lifetime       = 5 * time.Minute
	lifetimeJitter = 30 * time.Second
	// maxRedirects lets a cluster say twice where a slot is.
	maxRedirects = 2
	// redirectPause is the longest pause before another node of a cluster is tried.
	minRedirectPause, redirectPause = 8 * time.Millisecond, 16 * time.Millisecond
	// topologyAge is how old the map of a cluster may be; failures renew it at once.
	topologyAge = 10 * time.Second
	// failingSeconds is how long a node of a cluster counts as failing; only reads from
	// replicas would look at it.
	failingSeconds = 1
	// noRetries turns the library's retries off; 0 would mean its default.
	noRetries = -1
	// onePool turns the second pool off, which would be for pipelines.
	onePool = -1
	// resp2 has no pushes from the server, and so none that can go wrong.
	resp2 = 2
)

// socketTimeout bounds one read or write, so that a call ends by the error of its connection and not
// only by its context.
func (o *Options) socketTimeout() time.Duration { return max(minTimeout, o.Timeout*4/5) }

// settings are what the library is told; connections are made by conns.
func (s *Store) settings(conns *connections, sentinelPassword string, pool int) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:      s.opt.Addresses,
		MasterName: s.opt.SentinelMaster,
		DB:         s.opt.DB,
		Dialer:     conns.dial,
		Protocol:   resp2,

		CredentialsProviderContext: s.credentials,
		SentinelUsername:           s.opt.SentinelUsername,
		SentinelPassword:           sentinelPassword,

		MaxRetries:            noRetries,
		MinRetryBackoff:       minRedirectPause,
		MaxRetryBackoff:       redirectPause,
		MaxRedirects:          maxRedirects,
		FailingTimeoutSeconds: failingSeconds,

		DialTimeout:           s.opt.DialTimeout,
		DialerRetries:         1,
		DialerRetryTimeout:    minRedirectPause,
		ReadTimeout:           s.opt.socketTimeout(),
		WriteTimeout:          s.opt.socketTimeout(),
		ContextTimeoutEnabled: true,

		PoolSize:              pool,
		MaxConcurrentDials:    pool,
		PoolTimeout:           poolTimeout,
		MaxIdleConns:          pool,
		MaxActiveConns:        2 * pool, // a hard stop, above the pool as connections are closed in the background
		ConnMaxIdleTime:       idleTime,
		ConnMaxLifetime:       lifetime,
		ConnMaxLifetimeJitter: lifetimeJitter,
		PipelinePoolSize:      onePool,
		ReadBufferSize:        bufferBytes,
		WriteBufferSize:       bufferBytes,

		DisableIdentity:          true,
		IsClusterMode:            s.opt.Cluster,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// newClient makes the client. Reads go to primaries only: a replica may be behind, or empty.
func newClient(o *redis.UniversalOptions, network string) redis.UniversalClient {
	switch {
	case o.MasterName != "":
		return redis.NewFailoverClient(o.Failover())
	case o.IsClusterMode:
		return redis.NewClusterClient(clusterOptions(o))
	default:
		return redis.NewClient(simpleOptions(o, network))
	}
}

func clusterOptions(o *redis.UniversalOptions) *redis.ClusterOptions {
	c := o.Cluster()
	c.ClusterStateReloadInterval = topologyAge
	// All keys lie on one slot. What is off would ask for COMMAND, which an ACL need not allow.
	c.DisableRoutingPolicies = true
	return c
}

func simpleOptions(o *redis.UniversalOptions, network string) *redis.Options {
	c := o.Simple()
	c.Network = network
	c.FailingTimeoutSeconds = o.FailingTimeoutSeconds
	return c
}

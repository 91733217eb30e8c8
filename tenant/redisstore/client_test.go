package redisstore

import (
	"reflect"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Each setting of the library is either given, or zero for a reason. A version with a new setting
// fails here until somebody has read what it does.
func TestNoSettingIsADefaultByAccident(t *testing.T) {
	zero := []string{
		// There is a better way for what they do.
		"Username", "Password", "CredentialsProvider", "StreamingCredentialsProvider", "TLSConfig", "Limiter", "OnConnect", "DialerRetryBackoff",
		// Names for the server, each of which costs a command or a permission.
		"ClientName", "IdentitySuffix", "NodeAddress",
		// Off.
		"ClientSideCacheConfig", "ClientSideCache", "ClientSideCacheStrategy", "ClientSideCacheRefreshOnInvalidate",
		"ClientSideCacheCoalesceMisses", "ClientSideCacheInvalidationBatchWindow", "AutoPipelineOptions", "PushNotificationProcessor",
		"PipelineReadBufferSize", "PipelineWriteBufferSize", "UnstableResp3", "DisableIndentity", "DisableRoutingPolicies",
		// Reads from replicas.
		"ReadOnly", "RouteByLatency", "RouteByLatencyTolerance", "RouteRandomly", "ReplicaOnly", "UseDisconnectedReplicas",
		"ClusterSlots", "ShardPicker", "NewClient",
		// No connection before it is needed; the newest is used first.
		"MinIdleConns", "PoolFIFO",
		// The first database.
		"DB",
	}
	s := &Store{secrets: &secrets{}, opt: Options{Addresses: []string{"a:1"}}}
	if err := s.opt.complete(); err != nil {
		t.Fatal(err)
	}
	settings := s.settings(newConnections(s.opt, longString), "", poolSize)
	failover := settings.Failover()
	failover.SentinelUsername, failover.SentinelPassword, failover.MasterName = "u", "p", "m" // given by options
	cluster := clusterOptions(settings)
	for name, value := range map[string]any{"standalone": simpleOptions(settings, "tcp"), "Sentinel": failover, "cluster": cluster} {
		v := reflect.ValueOf(value).Elem()
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() || slices.Contains(zero, field.Name) || !v.Field(i).IsZero() {
				continue
			}
			if name == "Sentinel" && field.Name == "FailingTimeoutSeconds" {
				continue // used by clients of another kind
			}
			t.Errorf("%s: %s is left to the library", name, field.Name)
		}
	}
	if !cluster.DisableRoutingPolicies {
		t.Error("a cluster is asked for COMMAND")
	}
}

// What the library makes of the settings is what they say.
func TestSettingsStay(t *testing.T) {
	s, err := New(Options{Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, pool := range map[string]int{"rdb": poolSize, "follower": followPoolSize} {
		client, _ := s.rdb.(*redis.Client)
		if name == "follower" {
			client, _ = s.follower.rdb.(*redis.Client)
		}
		o := client.Options()
		got := []any{
			o.MaxRetries, o.DialerRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled,
			o.PoolSize, o.PoolTimeout, o.MaxActiveConns, o.PipelinePoolSize, o.ConnMaxLifetime, o.ConnMaxLifetimeJitter, o.Protocol,
			o.DisableIdentity, o.MaintNotificationsConfig.Mode,
		}
		want := []any{
			0, 1, defaultDialTimeout, defaultTimeout * 4 / 5, defaultTimeout * 4 / 5, true,
			pool, poolTimeout, 2 * pool, onePool, lifetime, lifetimeJitter, resp2,
			true, maintnotifications.ModeDisabled,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

package istio_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recipe is under which neither a restart nor the death of a processor fails a request. Some of it comes
// by a DestinationRule and some by a patch; the config dump has both.
func (l *lab) recipe(t *testing.T) {
	t.Helper()
	cluster := clusterOf(t, l.ConfigDump(t))
	options, _ := cluster["typed_extension_protocol_options"].(map[string]any)["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].(map[string]any)
	explicit, _ := options["explicit_http_config"].(map[string]any)
	outliers, _ := cluster["outlier_detection"].(map[string]any)
	balancing, _ := cluster["common_lb_config"].(map[string]any)
	got := map[string]any{
		"http2":                         explicit["http2_protocol_options"],
		"health_checks":                 cluster["health_checks"],
		"connect_timeout":               cluster["connect_timeout"],
		"lb_policy":                     cluster["lb_policy"],
		"ignore_health_on_host_removal": cluster["ignore_health_on_host_removal"],
		"enforcing_consecutive_5xx":     outliers["enforcing_consecutive_5xx"],
		"interval":                      outliers["interval"],
		"healthy_panic_threshold":       balancing["healthy_panic_threshold"],
		"update_merge_window":           balancing["update_merge_window"],
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"http2": {"max_concurrent_streams": 1024, "connection_keepalive": {"interval": "30s", "timeout": "3s", "connection_idle_interval": "15s"}},
		"health_checks": [{"timeout": "0.200s", "interval": "0.500s", "unhealthy_threshold": 2, "healthy_threshold": 1, "grpc_health_check": {}, "no_traffic_interval": "0.500s"}],
		"connect_timeout": "0.250s",
		"lb_policy": "LEAST_REQUEST",
		"ignore_health_on_host_removal": true,
		"enforcing_consecutive_5xx": 0,
		"interval": "2s",
		"healthy_panic_threshold": {},
		"update_merge_window": "0s"
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the cluster of processors (-want +got):\n%s", diff)
	}
}

// clusterOf is the cluster of processors in a config dump.
func clusterOf(t *testing.T, dump []byte) map[string]any {
	t.Helper()
	var tree struct {
		Configs []struct {
			Active []struct {
				Cluster map[string]any `json:"cluster"`
			} `json:"dynamic_active_clusters"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(dump, &tree); err != nil {
		t.Fatal(err)
	}
	for _, c := range tree.Configs {
		for _, a := range c.Active {
			if name, _ := a.Cluster["name"].(string); strings.HasSuffix(name, "||corsgate.corsgate.svc.cluster.local") {
				return a.Cluster
			}
		}
	}
	t.Fatal("the config dump has no cluster of processors")
	return nil
}

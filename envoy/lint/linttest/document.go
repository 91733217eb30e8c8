package linttest

import (
	"encoding/json"
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/corsgate/corsgate/envoy"
)

func documents() []spec {
	return []spec{
		{rule: "envoy-version", text: Dump(`"node": {"user_agent_build_version": {"version": {"major_number": 1, "minor_number": 38, "patch": 3}}}`, "")},
		{rule: "update-refused", text: Dump("", `{"name": "new", "error_state": {"details": "Proto constraint validation failed"}}`)},
		{rule: "unreadable", text: Dump("", `{"name": "new", "active_state": {"listener": {"name": "new", "filter_chains": "none"}}}`)},
		{rule: "not-in-file", edit: func(e *editor) {
			e.boot.Node = &corev3.Node{Id: "edge", Cluster: "edge"}
			e.manager(func(m *hcmv3.HttpConnectionManager) {
				m.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
					RouteConfigName: "edge",
					ConfigSource:    byFile("/dev/null"),
				}}
			})
		}},
	}
}

// Dump is a config dump of design C, with more members of the bootstrap and more dynamic listeners.
func Dump(bootstrap, listeners string) string {
	text, err := render(envoy.DefaultOptions(envoy.Metadata), func(*editor) {})
	var doc struct {
		Static struct {
			Listeners, Clusters []json.RawMessage
		} `json:"static_resources"`
	}
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		return fmt.Sprintf("%q", err)
	}
	const form = `{"configs": [
{"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {%s}},
{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "static_clusters": [%s]},
{"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "static_listeners": [{"listener": %s}], "dynamic_listeners": [%s]}
]}`
	var clusters []string
	for _, c := range doc.Static.Clusters {
		clusters = append(clusters, fmt.Sprintf(`{"cluster": %s}`, c))
	}
	return fmt.Sprintf(form, bootstrap, strings.Join(clusters, ","), doc.Static.Listeners[0], listeners)
}

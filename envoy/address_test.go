package envoy_test

import (
	"testing"

	"github.com/corsgate/corsgate/envoy"
)

func TestListenerAddress(t *testing.T) {
	t.Parallel()
	const answer = `{"listener_statuses": [
		{"name": "other", "local_address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}},
		{"name": "edge", "local_address": {"socket_address": {"address": "::1", "port_value": 10000}}},
		{"name": "starting", "local_address": {"socket_address": {"address": "127.0.0.1"}}}]}`
	for _, tt := range []struct{ answer, name, want string }{
		{answer, "edge", "[::1]:10000"},
		{answer, "starting", ""},
		{answer, "absent", ""},
		{"no json", "edge", ""},
	} {
		got, err := envoy.ListenerAddress([]byte(tt.answer), tt.name)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

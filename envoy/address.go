package envoy

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
)

// ListenerAddress reads the host:port of a listener out of what Envoy's administration interface answers to
// /listeners?format=json. The error says also that the listener has no port yet.
func ListenerAddress(answer []byte, name string) (string, error) {
	var list struct {
		Listeners []struct {
			Name  string `json:"name"`
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return "", fmt.Errorf("reading Envoy's listeners: %w", err)
	}
	for _, l := range list.Listeners {
		if s := l.Local.Socket; l.Name == name && s.Port != 0 {
			return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)), nil
		}
	}
	return "", fmt.Errorf("listener %q has no port yet", name)
}

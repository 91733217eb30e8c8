package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// source is what was read, not yet put together.
type source struct {
	// recognized says that it is a configuration at all; dump that it is a config dump.
	recognized, dump bool
	// dynamic says that more comes by xDS.
	dynamic bool
	// dumped says which sections a dump has.
	dumped struct{ listeners, clusters bool }

	// listeners of the bootstrap in a dump stand apart: the dump has them once more.
	listeners, fromBootstrap []listenerAt
	tables                   map[string]*routeTable
	clusters                 map[string]clusterAt
	filters                  map[string]filterAt
	node                     *corev3.Node
	nodeAt                   Place

	// problems are what could not be read, or Envoy did not take.
	problems []problem
}

type listenerAt struct {
	*listenerv3.Listener
	at Place
}

// clusterAt stays JSON until a rule asks for it, because most never are.
type clusterAt struct {
	raw json.RawMessage
	at  Place
}

type filterAt struct {
	*corev3.TypedExtensionConfig
	at Place
}

type problem struct {
	id     ID
	at     Place
	detail string
}

func newSource() *source {
	return &source{tables: map[string]*routeTable{}, clusters: map[string]clusterAt{}, filters: map[string]filterAt{}}
}

func (s *source) unreadable(at Place, err error) {
	s.problems = append(s.problems, problem{ruleUnreadable, at, err.Error()})
}

// named is the name of a resource, without decoding the rest.
func named(raw json.RawMessage) string {
	var head struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(raw, &head) // the caller decodes it and reports
	return head.Name
}

func (s *source) addListener(at Place, raw json.RawMessage, main bool) {
	at.Name = fmt.Sprintf("listener %s", named(raw))
	l := new(listenerv3.Listener)
	if err := decode(raw, l); err != nil {
		s.unreadable(at, err)
		return
	}
	if main {
		s.listeners = append(s.listeners, listenerAt{l, at})
		return
	}
	s.fromBootstrap = append(s.fromBootstrap, listenerAt{l, at})
}

func (s *source) addCluster(at Place, raw json.RawMessage) {
	name := named(raw)
	at.Name = "cluster " + name
	s.clusters[name] = clusterAt{raw, at}
}

func (s *source) addRoutes(at Place, raw json.RawMessage) {
	name := named(raw)
	at.Name = "route configuration " + name
	rc := new(routev3.RouteConfiguration)
	if err := decode(raw, rc); err != nil {
		s.unreadable(at, err)
		return
	}
	s.tables[name] = newRouteTable(rc, at)
}

func (s *source) addFilter(at Place, raw json.RawMessage) {
	at.Name = "extension " + named(raw)
	f := new(corev3.TypedExtensionConfig)
	if err := decode(raw, f); err != nil {
		s.unreadable(at, err)
		return
	}
	s.filters[f.GetName()] = filterAt{f, at}
}

func (s *source) addNode(at Place, raw json.RawMessage) {
	n := new(corev3.Node)
	at.Name = "node"
	// Metadata of the node is the operator's own and may be anything.
	if err := decode(raw, n); err == nil {
		s.node, s.nodeAt = n, at
	}
}

// addListenerState reads a static or dynamic listener of a dump: the active one, or else the one
// that waits.
func (s *source) addListenerState(at Place, e element) {
	s.refused(at, e, "listener")
	if raw, ok := e["listener"]; ok {
		s.addListener(at.in("", "listener"), raw, true)
		return
	}
	for _, key := range []string{"active_state", "warming_state"} {
		state := map[string]json.RawMessage{}
		if json.Unmarshal(e[key], &state) != nil || len(state["listener"]) == 0 {
			continue
		}
		s.addListener(at.in("", key+".listener"), state["listener"], true)
		return
	}
}

// scoped is all routes that came by xDS, nil when none did. Which of them a scope chooses is not looked at.
func (s *source) scoped() *routeTable {
	var out *routeTable
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		if out == nil {
			out = &routeTable{at: s.tables[name].at, keys: map[string]bool{}, removes: map[string]int{}}
		}
		out.merge(s.tables[name])
	}
	return out
}

func (s *source) addState(at Place, e element, key string, add func(Place, json.RawMessage)) {
	s.refused(at, e, key)
	if raw, ok := e[key]; ok {
		add(at.in("", key), raw)
		return
	}
}

// refused reports an update that Envoy did not take.
func (s *source) refused(at Place, e element, what string) {
	var state struct {
		Details string `json:"details"`
	}
	if raw := e["error_state"]; len(raw) == 0 || json.Unmarshal(raw, &state) != nil {
		return
	}
	var name string
	_ = json.Unmarshal(e["name"], &name)
	at.Name = what + " " + name
	s.problems = append(s.problems, problem{ruleRefused, at, state.Details})
}

// cluster gives the cluster of a name.
func (s *source) cluster(name string) (*clusterv3.Cluster, Place, bool) {
	c, ok := s.clusters[name]
	if !ok {
		return nil, Place{}, false
	}
	out := new(clusterv3.Cluster)
	if err := decode(c.raw, out); err != nil {
		return nil, c.at, false
	}
	return out, c.at, true
}

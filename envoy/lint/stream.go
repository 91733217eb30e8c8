package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// stream reads JSON from its start to its end and holds one resource at a time.
type stream struct {
	*source
	d *json.Decoder
}

func newStream(r io.Reader) *stream {
	return &stream{source: newSource(), d: json.NewDecoder(r)}
}

// errShape means that the JSON is well-formed and no configuration of Envoy.
var errShape = errors.New("it has nothing of an Envoy configuration: no static_resources, no configs, no resources")

// document reads everything.
func (s *stream) document() error {
	err := s.object(func(key string) error { return s.topLevel(Place{}, key) })
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := s.d.Token(); !errors.Is(err, io.EOF) {
		if err != nil {
			return fmt.Errorf("reading JSON: %w", err)
		}
		return errors.New("reading JSON: more than one document")
	}
	if !s.recognized {
		return errShape
	}
	return nil
}

// topLevel reads one member of a bootstrap, a dump, or a list of resources.
func (s *stream) topLevel(at Place, key string) error {
	switch key {
	case "configs":
		s.recognized, s.dump = true, true
		return s.array(func(i int) error { return s.section(index(at.in("", key), i)) })
	case "xds": // egctl: a dump for each gateway
		return s.object(func(gateway string) error {
			return s.object(func(key string) error { return s.topLevel(at.in("", "xds."+gateway), key) })
		})
	case "resources":
		s.recognized = true
		return s.array(func(i int) error { return s.resource(index(at.in("", key), i)) })
	default:
		return s.bootstrap(at, key)
	}
}

// section reads one of the configs of a dump. Their members tell them apart.
func (s *stream) section(at Place) error {
	return s.object(func(key string) error {
		at := at.in("", key)
		switch key {
		case "bootstrap":
			return s.object(func(key string) error { return s.bootstrap(at, key) })
		case "static_listeners", "dynamic_listeners":
			s.dumped.listeners = true
			return s.each(at, func(at Place, e element) { s.addListenerState(at, e) })
		case "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters":
			s.dumped.clusters = true
			return s.each(at, func(at Place, e element) { s.addState(at, e, "cluster", s.addCluster) })
		case "dynamic_route_configs":
			return s.each(at, func(at Place, e element) { s.addState(at, e, "route_config", s.addRoutes) })
		case "ecds_filters":
			return s.each(at, func(at Place, e element) { s.addState(at, e, "ecds_filter", s.addFilter) })
		default:
			return s.skip()
		}
	})
}

// bootstrap reads one member of a bootstrap.
func (s *stream) bootstrap(at Place, key string) error {
	at = at.in("", key)
	switch key {
	case "static_resources":
		s.recognized = true
		return s.object(func(key string) error {
			at := at.in("", key)
			switch key {
			case "listeners":
				return s.raws(at, func(at Place, raw json.RawMessage) { s.addListener(at, raw, !s.dump) })
			case "clusters":
				return s.raws(at, s.addCluster)
			default:
				return s.skip()
			}
		})
	case "dynamic_resources":
		s.recognized = true
		return s.object(func(string) error { s.dynamic = true; return s.skip() })
	case "node":
		var raw json.RawMessage
		if err := s.d.Decode(&raw); err != nil {
			return err
		}
		s.addNode(at, raw)
		return nil
	default:
		return s.skip()
	}
}

// resource reads one of xDS.
func (s *stream) resource(at Place) error {
	var raw json.RawMessage
	if err := s.d.Decode(&raw); err != nil {
		return err
	}
	var head struct {
		Type string `json:"@type"`
	}
	_ = json.Unmarshal(raw, &head) // what has no type is none of these
	switch nameOf(head.Type) {
	case "envoy.config.listener.v3.Listener":
		s.addListener(at, raw, true)
	case "envoy.config.cluster.v3.Cluster":
		s.addCluster(at, raw)
	case "envoy.config.route.v3.RouteConfiguration":
		s.addRoutes(at, raw)
	case "envoy.config.core.v3.TypedExtensionConfig":
		s.addFilter(at, raw)
	}
	return nil
}

// element is an entry of a section of a dump.
type element map[string]json.RawMessage

// each reads an array of elements.
func (s *stream) each(at Place, f func(Place, element)) error {
	return s.raws(at, func(at Place, raw json.RawMessage) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			s.unreadable(at, err)
			return
		}
		e := element{}
		for key, value := range fields {
			e[snake(key)] = value
		}
		f(at, e)
	})
}

func (s *stream) raws(at Place, f func(Place, json.RawMessage)) error {
	return s.array(func(i int) error {
		var raw json.RawMessage
		if err := s.d.Decode(&raw); err != nil {
			return err
		}
		f(index(at, i), raw)
		return nil
	})
}

// object calls f for each member of an object, which f has to read. A value of another kind is
// passed over.
func (s *stream) object(f func(key string) error) error {
	return s.open('{', func() error {
		for s.d.More() {
			t, err := s.d.Token()
			if err != nil {
				return err
			}
			key, _ := t.(string)
			if err := f(snake(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// array calls f for each element of an array, which f has to read.
func (s *stream) array(f func(i int) error) error {
	return s.open('[', func() error {
		for i := 0; s.d.More(); i++ {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stream) open(want json.Delim, inside func() error) error {
	t, err := s.d.Token()
	if err != nil {
		return err
	}
	d, opens := t.(json.Delim)
	switch {
	case !opens:
		return nil
	case d != want:
		return s.rest()
	}
	if err := inside(); err != nil {
		return err
	}
	_, err = s.d.Token()
	return err
}

// skip passes over one value without holding it.
func (s *stream) skip() error {
	t, err := s.d.Token()
	if err != nil {
		return err
	}
	if _, opens := t.(json.Delim); opens {
		return s.rest()
	}
	return nil
}

// rest passes over what is left of a value that has been opened.
func (s *stream) rest() error {
	for depth := 1; depth > 0; {
		t, err := s.d.Token()
		if err != nil {
			return err
		}
		if d, ok := t.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
	}
	return nil
}

func index(at Place, i int) Place { return at.in("", fmt.Sprintf("[%d]", i)) }

// snake is the name of a field as Envoy writes it; JSON may have lowerCamelCase.
func snake(name string) string {
	if !strings.ContainsFunc(name, unicode.IsUpper) {
		return name
	}
	var b strings.Builder
	for _, c := range name {
		if unicode.IsUpper(c) {
			b.WriteByte('_')
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

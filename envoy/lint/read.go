package lint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// What is read at most. A dump of 100 MB, which is a very large Envoy's, is within it.
const (
	// MaxJSON is the most bytes of JSON, which is read resource by resource.
	MaxJSON = 256 << 20
	// MaxYAML is the most bytes of YAML, which has to be held as a whole.
	MaxYAML = 16 << 20
	// maxLined is the most bytes of JSON in which findings get a line.
	maxLined = 1 << 20
)

// ErrTooLarge means that a configuration is larger than [MaxJSON] or [MaxYAML].
var ErrTooLarge = errors.New("the configuration is too large")

// Config is a configuration that was read.
type Config struct {
	source
	// text is what lines are looked up in; nil when it is too much.
	text []byte
}

// Read reads a bootstrap, a config dump, or a file of resources as xDS has them, in YAML or JSON. The error says why it is none of
// these; [ErrTooLarge] is one.
func Read(r io.Reader) (*Config, error) { return readWithin(r, MaxJSON, MaxYAML) }

func readWithin(r io.Reader, maxJSON, maxYAML int64) (*Config, error) {
	in := bufio.NewReader(r)
	first, err := firstByte(in)
	if err != nil {
		return nil, err
	}
	if first == '{' {
		return readJSON(&limited{r: in, left: maxJSON})
	}
	return readYAML(&limited{r: in, left: maxYAML})
}

// firstByte is the first one that is no blank; it stays unread.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0, errors.New("it is empty")
		}
		if err != nil {
			return 0, err
		}
		if b == ' ' || b == '\t' || b == '\r' || b == '\n' {
			continue
		}
		return b, in.UnreadByte()
	}
}

func readJSON(in io.Reader) (*Config, error) {
	keep := &prefix{}
	s := newStream(io.TeeReader(in, keep))
	if err := s.document(); err != nil {
		return nil, err
	}
	return &Config{source: *s.source, text: keep.bytes}, nil
}

func readYAML(in io.Reader) (*Config, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	if _, ok := tree.(map[string]any); !ok {
		return nil, errors.New("it is no YAML mapping and no JSON object")
	}
	asJSON, err := json.Marshal(stringKeys(tree))
	if err != nil {
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	s := newStream(bytes.NewReader(asJSON))
	if err := s.document(); err != nil {
		return nil, err
	}
	return &Config{source: *s.source, text: text}, nil
}

// stringKeys makes keys that YAML reads as numbers or booleans the strings that JSON needs.
func stringKeys(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = stringKeys(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = stringKeys(v[key])
		}
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[fmt.Sprint(key)] = stringKeys(value)
		}
		return out
	}
	return v
}

// limited fails, rather than ends, where too much comes.
type limited struct {
	r    io.Reader
	left int64
}

// Read gives what is within the limit.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		var one [1]byte
		n, err := l.r.Read(one[:])
		if n > 0 {
			return 0, ErrTooLarge
		}
		return 0, err
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}

// prefix keeps what is written to it while it is little.
type prefix struct {
	bytes []byte
	full  bool
}

// Write never fails.
func (p *prefix) Write(b []byte) (int, error) {
	if p.full || len(p.bytes)+len(b) > maxLined {
		p.bytes, p.full = nil, true
		return len(b), nil
	}
	p.bytes = append(p.bytes, b...)
	return len(b), nil
}

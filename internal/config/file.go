package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/internal/boundedfile"
)

// maxFileBytes bounds the configuration file; a real one has some hundred bytes.
const maxFileBytes = 1 << 20

// readTimeout is how long a file may take to be read.
const readTimeout = 2 * time.Second

// file reads the settings of the configuration file at path.
func (r *resolver) file(path string) {
	root, err := readMapping(path)
	if err != nil {
		r.add(r.sources.Of(configFlag), err.Error(), "")
		return
	}
	if root == nil {
		return
	}
	keys := make([]string, 0, len(r.names()))
	for _, name := range r.names() {
		if name != configFlag && name != "help" {
			keys = append(keys, fileKey(name))
		}
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		source := path + ":" + strconv.Itoa(key.Line) + ": " + key.Value
		if first, again := seen[key.Value]; again {
			r.add(source, fmt.Sprintf("the key stands in line %d already", first), "remove one of the two")
			continue
		}
		seen[key.Value] = key.Line
		f := r.lookupKey(key.Value, keys)
		if f == nil {
			r.add(source, "no setting has this name", didYouMean(key.Value, "", keys))
			continue
		}
		r.fileValue(f, source, value)
	}
}

func (r *resolver) lookupKey(key string, keys []string) *pflag.Flag {
	if !slices.Contains(keys, key) {
		return nil
	}
	return r.flags.Lookup(flagName(key))
}

// fileValue sets f from a scalar, or from a list of scalars when f may be repeated.
func (r *resolver) fileValue(f *pflag.Flag, source string, value *yaml.Node) {
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
		r.set(f, source, []string{value.Value})
	case value.Kind == yaml.SequenceNode && isList(f):
		texts := make([]string, len(value.Content))
		for i, item := range value.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				r.add(source, "the list holds something other than plain values", "write a list of strings")
				return
			}
			texts[i] = item.Value
		}
		if len(texts) == 0 {
			texts = []string{""} // as the flag and the variable say it
		}
		r.set(f, source, texts)
	case value.Tag == "!!null":
		r.add(source, "the key has no value", "write a value or remove the key")
	default:
		r.add(source, "a single value belongs here", fixFor(f))
	}
}

// readMapping parses the one YAML mapping that path holds; nil when it is empty.
func readMapping(path string) (*yaml.Node, error) {
	text, err := boundedfile.Read(path, maxFileBytes, readTimeout)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration file: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", path, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file %s holds more than one document", path)
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("the file %s is not a list of \"key: value\" lines", path)
	}
	return root, nil
}

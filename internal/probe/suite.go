package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSuite bounds a suite file.
const maxSuite = 1 << 20

// unknownField is how the YAML library says it, with a name of ours that tells nobody anything.
var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

// suite is a file of targets.
type suite struct {
	Targets []Target `yaml:"targets"`
}

// ParseSuite reads a suite file: YAML with a list "targets". The error is a [Problems] with all that can be said before
// [New] checks the targets.
func ParseSuite(data []byte) ([]Target, error) {
	var ps Problems
	if len(data) > maxSuite {
		ps.add("", "", "the file is larger than %d bytes", maxSuite)
		return nil, ps
	}
	var s suite
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	err := d.Decode(&s)
	var mistakes *yaml.TypeError
	switch {
	case errors.As(err, &mistakes):
		for _, text := range mistakes.Errors {
			ps.add("", "", "%s", unknownField.ReplaceAllString(text, "there is no field $1"))
		}
	case errors.Is(err, io.EOF):
	case err != nil:
		ps.add("", "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	default:
		if err := d.Decode(&suite{}); !errors.Is(err, io.EOF) {
			ps.add("", "write one", "the file holds more than one document")
		}
	}
	if len(ps) == 0 && len(s.Targets) == 0 {
		ps.add("targets", "list at least one target with its url", "there is nothing to ask")
	}
	names := map[string]int{}
	for i, t := range s.Targets {
		if first, taken := names[t.Name]; taken && t.Name != "" {
			ps.add(fmt.Sprintf("targets[%d].name", i), "", "%q is the name of targets[%d] already", t.Name, first)
		}
		names[t.Name] = i
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return s.Targets, nil
}

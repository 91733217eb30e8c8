package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/corsgate/corsgate/internal/regular"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// MaxInput bounds all input together, in bytes.
const MaxInput = 64 << 20

// Input is a file with configuration: YAML documents, or JSON.
type Input struct {
	Name string
	Data []byte
}

// ErrTooLarge is input of more than [MaxInput] bytes.
var ErrTooLarge = errors.New("the input has more than 64 MiB")

// maxQuestions bounds the proofs of one migration, in questions of the usual size. Beyond it wildcards are left out.
const maxQuestions = 20_000

// Convert reads all inputs as one configuration. The error is about input that cannot be read at all;
// everything else is in the differences.
func Convert(inputs []Input, o Options) (*Result, error) {
	n := &notes{}
	var envoy []page
	cluster := &cluster{notes: n}
	total := 0
	for _, in := range inputs {
		if total += len(in.Data); total > MaxInput {
			return nil, ErrTooLarge
		}
		docs, err := decode(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.Name, err)
		}
		for _, d := range docs {
			if d.root.has("kind") {
				cluster.add(d, 0)
			} else {
				envoy = append(envoy, d)
			}
		}
	}
	r := &Result{}
	sites := readEnvoy(n, envoy)
	sources := cluster.read()
	if len(sites) > 0 {
		sources = append(sources, fromEnvoy)
	}
	sites = append(sites, cluster.sites...)
	slices.Sort(sources)
	r.Sources = slices.Compact(sources)
	c := converter{options: o, notes: n, prover: regular.NewProver(maxQuestions), done: map[string]*tenantv1.Policy{}}
	r.Documents = c.assemble(sites)
	r.Differences = n.sorted()
	if len(r.Documents) > 0 {
		r.General = general(r.Sources)
	}
	return r, nil
}

// page is one YAML document of a file.
type page struct {
	file string
	root node
}

// decode reads the YAML documents of a file. The decoder resolves anchors, and refuses those that grow without bound.
func decode(in Input) ([]page, error) {
	var out []page
	dec := yaml.NewDecoder(bytes.NewReader(in.Data))
	for {
		var value any
		err := dec.Decode(&value)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if _, ok := value.(map[string]any); ok {
			out = append(out, page{file: in.Name, root: node{value}})
		} else if value != nil {
			return nil, errors.New("reading YAML: a document is no mapping")
		}
	}
}

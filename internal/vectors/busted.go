package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Busted is a tenant document with exactly one mistake, and the problem that must be
// reported for it.
type Busted struct {
	// Name is the file name without its ending.
	Name string `json:"-"`
	// Rules are the rules that refuse it, or ids of advisories.
	Rules []string `json:"rules"`
	// Tenant is a tenant document in JSON.
	Tenant json.RawMessage `json:"tenant"`
	// Path, Code and Fix are those of the [policy.Problem]; Path is relative to the policy.
	Path string `json:"path"`
	Code string `json:"code"`
	Fix  string `json:"fix,omitempty"`
}

// LoadBusted reads every *.json file of dir, in the order of their names. It refuses
// unknown fields and files that lack one.
func LoadBusted(dir string) ([]Busted, error) {
	paths, err := listJSON(dir)
	if err != nil {
		return nil, fmt.Errorf("listing busted documents: %w", err)
	}
	var all []Busted
	var problems []error
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading busted documents: %w", err)
		}
		b := Busted{Name: strings.TrimSuffix(filepath.Base(path), ".json")}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err = dec.Decode(&b); err == nil && (len(b.Rules) == 0 || len(b.Tenant) == 0 || b.Path == "" || b.Code == "") {
			err = errors.New("lacks rules, tenant, path or code")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("reading %s: %w", filepath.Base(path), err))
		}
		all = append(all, b)
	}
	return all, errors.Join(problems...)
}

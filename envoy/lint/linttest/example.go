package linttest

import (
	"fmt"
	"slices"

	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
)

// Example is a configuration with one fault.
type Example struct {
	// Rule is the fault, and Name tells two of one rule apart.
	Rule lint.ID
	Name string
	// Text is the configuration.
	Text []byte
	// Refused says that Envoy itself does not load it.
	Refused bool
	// Dump says that it is a config dump, which no Envoy loads.
	Dump bool
}

// spec is how an example is made.
type spec struct {
	rule    lint.ID
	name    string
	design  envoy.Design // Metadata when empty
	options func(*envoy.Options)
	edit    func(*editor)
	text    string // instead of an edit
	refused bool
}

// Examples are all of them. The error says which could not be made.
func Examples() ([]Example, error) {
	var out []Example
	for _, s := range slices.Concat(order(), reach(), failures(), settings(), headers(), apply(), clusters(), edges(), documents()) {
		x := Example{Rule: s.rule, Name: string(s.rule), Text: []byte(s.text), Refused: s.refused, Dump: s.text != ""}
		if s.name != "" {
			x.Name += " " + s.name
		}
		if !x.Dump {
			text, err := s.render()
			if err != nil {
				return nil, fmt.Errorf("example %s: %w", x.Name, err)
			}
			x.Text = text
		}
		out = append(out, x)
	}
	return out, nil
}

// render makes what an example edits, or sets by an option.
func (s *spec) render() ([]byte, error) {
	d := s.design
	if d == "" {
		d = envoy.Metadata
	}
	o := envoy.DefaultOptions(d)
	if s.options != nil {
		s.options(&o)
	}
	return render(o, func(e *editor) {
		if s.edit != nil {
			s.edit(e)
		}
	})
}

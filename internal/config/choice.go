package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Choices describes a flag that takes one of a few words.
type Choices struct {
	// Name of the flag.
	Name string
	// Short is its letter, or "".
	Short string
	// Values that may be given; the first one is the default.
	Values []string
	// Usage is the help text.
	Usage string
}

// Choice defines a flag on fs that only takes one of c.Values.
func Choice(fs *pflag.FlagSet, target *string, c Choices) {
	*target = c.Values[0]
	fs.VarP(&choice{target: target, values: c.Values}, c.Name, c.Short, c.Usage)
}

type choice struct {
	target *string
	values []string
}

// Set accepts the listed words only.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.values, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(c.values, ", "))
	}
	*c.target = text
	return nil
}

// String is the current word.
func (c *choice) String() string {
	if c.target == nil {
		return ""
	}
	return *c.target
}

// Type is shown in the help: "refuse|strip|forward".
func (c *choice) Type() string { return strings.Join(c.values, "|") }

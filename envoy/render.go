package envoy

import (
	"fmt"

	"github.com/corsgate/corsgate/envoy/page"
)

// Render gives the configuration of [Bootstrap] as YAML with comments for operators. Equal
// options give equal bytes. The error is that of Bootstrap, or says which extra filter
// could not be printed.
func Render(o Options) ([]byte, error) {
	boot, err := Bootstrap(o)
	if err != nil {
		return nil, err
	}
	root, err := page.Node(boot)
	if err != nil {
		return nil, fmt.Errorf("printing the configuration: %w", err)
	}
	return page.Render(preamble(&o), page.Document{Root: root, Comments: comments(&o)})
}

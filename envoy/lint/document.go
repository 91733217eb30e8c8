package lint

import (
	"fmt"
	"strings"
	"unicode"

	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"go.yaml.in/yaml/v3"
)

const (
	ruleVersion    ID = "envoy-version"
	ruleRefused    ID = "update-refused"
	ruleUnreadable ID = "unreadable"
	ruleElsewhere  ID = "not-in-file"
)

func documentRules() []Rule {
	return []Rule{
		{ruleVersion, Warning, "this Envoy has bugs in external processing"},
		{ruleRefused, Warning, "Envoy did not take an update"},
		{ruleUnreadable, Warning, "a part could not be read"},
		{ruleElsewhere, Note, "a part comes by xDS and was not looked at"},
	}
}

// document holds against the rules what concerns the whole.
func (l *linter) document() {
	for _, p := range l.config.problems {
		fix := "lint the output of Envoy's /config_dump, or compare the field with Envoy's documentation"
		detail := "it is left out of this report: " + clean(p.detail)
		if p.id == ruleRefused {
			fix = "mend what the message says, and look at the filters again: other updates of the same change may have been taken"
			detail = "Envoy goes on without it: " + clean(p.detail)
		}
		l.add(p.id, "", p.at, detail, fix)
	}
	v := l.config.node.GetUserAgentBuildVersion().GetVersion()
	if v != nil && older(v, 1, 39, 1) {
		l.add(ruleVersion, "", l.config.nodeAt,
			fmt.Sprintf("Envoy is %d.%d.%d: before 1.39.1 external processing has uses after free and lost callbacks", v.GetMajorNumber(), v.GetMinorNumber(), v.GetPatch()),
			"run Envoy 1.39.1 or newer")
	}
}

func older(v *typev3.SemanticVersion, major, minor, patch uint32) bool {
	switch {
	case v.GetMajorNumber() != major:
		return v.GetMajorNumber() < major
	case v.GetMinorNumber() != minor:
		return v.GetMinorNumber() < minor
	default:
		return v.GetPatch() < patch
	}
}

// elsewhere reports routes that come by xDS.
func (l *linter) elsewhere(m *manager) {
	name := m.GetRds().GetRouteConfigName()
	if name == "" {
		name = m.GetScopedRoutes().GetName()
	}
	if name != "" {
		l.add(ruleElsewhere, "", m.at, "the routes "+name+" are not here: what they switch off or add is not known", "lint the config dump or the administration port")
	}
}

// maxDetail bounds what is shown of messages from outside.
const maxDetail = 400

// clean keeps what stands in a configuration from steering the reader's terminal.
func clean(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail] + "..."
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, s)
}

// lines finds the lines of places, in a file that is small enough.
func (c *Config) lines(list []Finding) {
	if len(c.text) == 0 || len(list) == 0 {
		return
	}
	var root yaml.Node
	if yaml.Unmarshal(c.text, &root) != nil || len(root.Content) == 0 {
		return
	}
	for i := range list {
		list[i].Place.Line = lineOf(root.Content[0], list[i].Place.Path)
	}
}

// lineOf follows a path as far as it leads.
func lineOf(n *yaml.Node, path string) int {
	line := 0
	for step := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' }) {
		for n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		next := childOf(n, step)
		if next == nil {
			break
		}
		n, line = next, next.Line
	}
	return line
}

func childOf(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if snake(n.Content[i].Value) == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		i := 0
		if _, err := fmt.Sscanf(step, "%d", &i); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	default:
	}
	return nil
}

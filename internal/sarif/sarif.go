// Package sarif writes findings in the Static Analysis Results Interchange Format 2.1.0, which
// code review tools read. Comments name the sections of the OASIS standard.
package sarif

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
)

const (
	version    = "2.1.0"
	schema     = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURI = "https://github.com/corsgate/corsgate"
)

// Level is how bad a result is: "error", "warning" or "note" (§3.27.10).
type Level string

// Rule is what a result is an instance of (§3.49). Only the ID must be there.
type Rule struct {
	ID string
	// Summary is one sentence, and Help the URL of a page.
	Summary, Help string
	// Level is that of results by default.
	Level Level
}

// Result is one finding (§3.27).
type Result struct {
	// Rule is the ID of a rule.
	Rule    string
	Level   Level
	Message string
	// URI is the file; see [FileURI].
	URI string
	// Line and Column start at 1; 0 when they are not known (§3.30).
	Line, Column int
	// Logical is the place by names rather than by lines; may be empty (§3.33).
	Logical string
}

// Write writes a log with one run. Rules that results name and that are not listed are added.
func Write(w io.Writer, rules []Rule, results []Result) error {
	r := run{Tool: tool{driver{Name: "corsgate", InformationURI: projectURI, Rules: []rule{}}}, ColumnKind: "unicodeCodePoints", Results: []result{}}
	index := map[string]int{} // :: id → index of its rule
	add := func(x Rule) {
		index[x.ID] = len(r.Tool.Driver.Rules)
		r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, newRule(x))
	}
	for _, x := range rules {
		add(x)
	}
	for _, x := range results {
		if _, known := index[x.Rule]; !known {
			add(Rule{ID: x.Rule})
		}
		r.Results = append(r.Results, result{
			RuleID: x.Rule, RuleIndex: index[x.Rule], Level: x.Level,
			Message: text{x.Message}, Locations: []location{newLocation(x)},
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document{Schema: schema, Version: version, Runs: []run{r}})
}

// FileURI is a relative reference for a relative path, and a file URI otherwise (§3.4.3).
func FileURI(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.IsAbs(path) {
		return (&url.URL{Scheme: "file", Path: slashed}).String()
	}
	return (&url.URL{Path: slashed}).String()
}

type document struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

// run is §3.14.
type run struct {
	Tool tool `json:"tool"`
	// ColumnKind: the YAML parser counts code points.
	ColumnKind string   `json:"columnKind"`
	Results    []result `json:"results"`
}

type tool struct {
	Driver driver `json:"driver"`
}

// driver is §3.19.
type driver struct {
	Name           string `json:"name"`
	InformationURI string `json:"informationUri"`
	Rules          []rule `json:"rules"`
}

type rule struct {
	ID      string   `json:"id"`
	Short   *text    `json:"shortDescription,omitempty"`
	Help    string   `json:"helpUri,omitempty"`
	Default *setting `json:"defaultConfiguration,omitempty"`
}

// setting is §3.50.
type setting struct {
	Level Level `json:"level"`
}

func newRule(x Rule) rule {
	out := rule{ID: x.ID, Help: x.Help}
	if x.Summary != "" {
		out.Short = &text{x.Summary}
	}
	if x.Level != "" {
		out.Default = &setting{x.Level}
	}
	return out
}

type result struct {
	RuleID    string     `json:"ruleId"`
	RuleIndex int        `json:"ruleIndex"`
	Level     Level      `json:"level"`
	Message   text       `json:"message"`
	Locations []location `json:"locations"`
}

type text struct {
	Text string `json:"text"`
}

// location is §3.28.
type location struct {
	Physical physical  `json:"physicalLocation"`
	Logical  []logical `json:"logicalLocations,omitempty"`
}

type physical struct {
	Artifact artifact `json:"artifactLocation"`
	Region   *region  `json:"region,omitempty"`
}

type artifact struct {
	URI string `json:"uri"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type logical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

func newLocation(x Result) location {
	l := location{Physical: physical{Artifact: artifact{x.URI}}}
	if x.Line > 0 {
		l.Physical.Region = &region{StartLine: x.Line, StartColumn: x.Column}
	}
	if x.Logical != "" {
		l.Logical = []logical{{x.Logical}}
	}
	return l
}

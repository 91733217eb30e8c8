package report

import (
	"io"
	"net/url"
	"path/filepath"
)

// SARIF names, from the OASIS standard "Static Analysis Results Interchange Format 2.1.0".
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURI   = "https://github.com/corsgate/corsgate"
)

// The types below are the part of SARIF 2.1.0 that check needs; comments name the
// sections of the standard.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// sarifRun is §3.14.
type sarifRun struct {
	Tool sarifTool `json:"tool"`
	// ColumnKind: the YAML parser counts code points.
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

// sarifDriver is §3.19.
type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

// sarifRule is §3.49.
type sarifRule struct {
	ID string `json:"id"`
}

// sarifResult is §3.27.
type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     Severity        `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifText struct {
	Text string `json:"text"`
}

// sarifLocation is §3.28, with the field path as a logical location (§3.33).
type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

// sarifRegion is §3.30; lines and columns start at 1.
type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

// SARIF writes a SARIF 2.1.0 log with one run. Its rules are the codes that were found.
func (r *Report) SARIF(w io.Writer) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "corsgate", InformationURI: projectURI, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	index := map[string]int{} // :: code → index of its rule
	for _, f := range r.Findings {
		code := string(f.Code)
		if _, known := index[code]; !known {
			index[code] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: code})
		}
		text := f.message()
		if f.Fix != "" {
			text += "; fix: " + printable(f.Fix)
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: code, RuleIndex: index[code], Level: f.Severity,
			Message: sarifText{text}, Locations: []sarifLocation{f.location()},
		})
	}
	return encode(w, sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: []sarifRun{run}})
}

func (f *Finding) location() sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{artifactURI(f.File)}}}
	if f.Line > 0 {
		l.Physical.Region = &sarifRegion{StartLine: f.Line, StartColumn: f.Column}
	}
	if f.Path != "" {
		l.Logical = []sarifLogical{{printable(f.Path)}}
	}
	return l
}

// artifactURI is a relative reference for a relative path, and a file URI otherwise (§3.4.3).
func artifactURI(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.IsAbs(path) {
		return (&url.URL{Scheme: "file", Path: slashed}).String()
	}
	return (&url.URL{Path: slashed}).String()
}

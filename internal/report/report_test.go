package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/report"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant/document"
)

func problem(file string, line int, code policy.Code) document.Problem {
	return document.Problem{
		File: file, Line: line, Column: 3,
		Problem: policy.Problem{Path: "policy.origins[0]", Value: "https://a.example/", Code: code, Detail: "has a slash"},
	}
}

func TestFindingsAreInTheOrderOfTheFiles(t *testing.T) {
	var r report.Report
	r.Add(report.Warning, document.Problems{problem("b.yaml", 2, "w"), problem("a.yaml", 9, "w")})
	r.Add(report.Error, document.Problems{problem("b.yaml", 1, "e"), problem("a.yaml", 10, "e")})
	r.Sort()
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.File+" "+string(f.Severity))
	}
	want := []string{"a.yaml warning", "a.yaml error", "b.yaml error", "b.yaml warning"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Count(report.Error) != 2 || r.Count(report.Warning) != 2 {
		t.Errorf("%d errors and %d warnings, want 2 and 2", r.Count(report.Error), r.Count(report.Warning))
	}
}

func TestTextCannotSteerATerminal(t *testing.T) {
	p := problem("\x1b[2J.yaml", 1, "e")
	p.Value, p.Detail, p.Fix, p.Path = "\x1b[31m", "\x1b\r\n", "\x07", "\u202e"
	r := report.Report{Findings: []report.Finding{{Problem: p, Severity: report.Error}}}
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\r\x07\u202e") || strings.Count(b.String(), "\n") != 3 {
		t.Errorf("control characters got through: %q", b.String())
	}
}

// sarifDocument is what a reader of SARIF takes from the log.
type sarifDocument struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct{ Rules []struct{ ID string } }
		}
		Results []struct {
			RuleID    string
			RuleIndex int
			Level     string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           *struct{ StartLine, StartColumn int }
				}
			}
		}
	}
}

func TestSARIF(t *testing.T) {
	var r report.Report
	r.Add(report.Error, document.Problems{problem("a b.yaml", 4, "origin_path"), problem("/etc/x.yaml", 0, "file"), problem("c:d.yaml", 1, "origin_path")})
	var b strings.Builder
	if err := r.SARIF(&b); err != nil {
		t.Fatal(err)
	}
	var doc sarifDocument
	if err := json.Unmarshal([]byte(b.String()), &doc); err != nil {
		t.Fatal(err)
	}
	run := doc.Runs[0]
	if len(run.Tool.Driver.Rules) != 2 {
		t.Errorf("%d rules, want one a code: 2", len(run.Tool.Driver.Rules))
	}
	var uris []string
	for _, result := range run.Results {
		if id := run.Tool.Driver.Rules[result.RuleIndex].ID; id != result.RuleID {
			t.Errorf("§3.27.6: ruleIndex leads to %q, ruleId is %q", id, result.RuleID)
		}
		if result.Level != "error" || result.Message.Text == "" {
			t.Errorf("§3.27: level %q, message %q", result.Level, result.Message.Text)
		}
		uris = append(uris, result.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	}
	if diff := cmp.Diff([]string{"a%20b.yaml", "file:///etc/x.yaml", "./c:d.yaml"}, uris); diff != "" {
		t.Errorf("§3.4.3: URIs:\n%s", diff)
	}
	if region := run.Results[0].Locations[0].PhysicalLocation.Region; region == nil || region.StartLine != 4 || region.StartColumn != 3 {
		t.Errorf("§3.30: region %+v, want line 4, column 3", region)
	}
	if region := run.Results[1].Locations[0].PhysicalLocation.Region; region != nil {
		t.Errorf("§3.30.5: a region without a line: %+v", region)
	}
}

package report

import (
	"io"

	"github.com/corsgate/corsgate/internal/sarif"
)

// SARIF writes a SARIF 2.1.0 log with one run. Its rules are the codes that were found.
func (r *Report) SARIF(w io.Writer) error {
	results := make([]sarif.Result, len(r.Findings))
	for i, f := range r.Findings {
		text := f.message()
		if f.Fix != "" {
			text += "; fix: " + printable(f.Fix)
		}
		results[i] = sarif.Result{
			Rule: string(f.Code), Level: sarif.Level(f.Severity), Message: text,
			URI: sarif.FileURI(f.File), Line: f.Line, Column: f.Column, Logical: printable(f.Path),
		}
	}
	return sarif.Write(w, nil, results)
}

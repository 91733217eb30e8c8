package report

import (
	"io"

	"github.com/corsgate/corsgate/internal/sarif"
	"github.com/corsgate/corsgate/internal/wording"
)

// SARIF writes a SARIF 2.1.0 log with one run. Its rules are the codes that were found.
func (r *Report) SARIF(w io.Writer) error {
	results := make([]sarif.Result, len(r.Findings))
	for i, f := range r.Findings {
		text := f.message()
		if f.Fix != "" {
			text += "; fix: " + wording.Printable(f.Fix)
		}
		results[i] = sarif.Result{
			Rule: string(f.Code), Level: sarif.Level(f.Severity), Message: text,
			URI: sarif.FileURI(f.File), Line: f.Line, Column: f.Column, Logical: wording.Printable(f.Path),
		}
	}
	return sarif.Write(w, nil, results)
}

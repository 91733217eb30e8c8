package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/report"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

func (p *program) checkCommand() *cobra.Command {
	var format string
	var strict bool
	cmd := &cobra.Command{
		Use:   "check PATH... [flags]",
		Short: "Find mistakes in tenant documents",
		Long: "Reads files, and directories of *.yaml, *.yml and *.json, as one registry and reports every problem of every\n" +
			"document: errors that keep it from being used, and warnings about what is legal and risky.\n" +
			"Exits 0 without errors, 1 with errors (or, with --strict, warnings), 2 when not understood.",
		Example: "  corsgate check tenants/\n  corsgate check --strict --format sarif tenants/ > corsgate.sarif",
	}
	config.Choice(cmd.Flags(), &format, config.Choices{
		Name: "format", Values: []string{"text", "json", "sarif"}, Usage: "form of the report",
	})
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail too")
	return p.finish(leaf{cmd: cmd, args: cobra.MinimumNArgs(1), run: func(_ context.Context, paths []string) error {
		r := inspect(paths, time.Now()) //nolint:contextcheck // reading files has a time limit of its own
		if err := p.writeReport(r, format); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if r.Count(report.Error) > 0 || strict && r.Count(report.Warning) > 0 {
			return &exit{code: exitFailed}
		}
		return nil
	}})
}

func (p *program) writeReport(r *report.Report, format string) error {
	switch format {
	case "json":
		return r.JSON(p.stdout)
	case "sarif":
		return r.SARIF(p.stdout)
	default:
		return r.Text(p.stdout)
	}
}

// codePath is the code of a path that leads to no documents.
const codePath policy.Code = "path_unreadable"

// inspect reads all paths as one registry and gathers what is to be said about it as of now.
func inspect(paths []string, now time.Time) *report.Report {
	var problems document.Problems
	docs := map[string][]*document.Document{} // :: file → its documents, however many paths lead to it
	for _, path := range paths {
		_, good, err := files.Load(filepath.Clean(path))
		found, ok := errors.AsType[document.Problems](err)
		if err != nil && !ok {
			found = document.Problems{{File: path, Problem: policy.Problem{Code: codePath, Detail: err.Error()}}}
		}
		problems = append(problems, fresh(found, problems)...)
		byFile := map[string][]*document.Document{}
		for _, d := range good {
			byFile[d.Record.File()] = append(byFile[d.Record.File()], d)
		}
		maps.Copy(docs, byFile)
	}
	return compose(docs, problems, now)
}

// compose adds what only shows when all documents are there: conflicts, and advice.
func compose(docs map[string][]*document.Document, problems document.Problems, now time.Time) *report.Report {
	r := &report.Report{}
	var records []*tenant.Record
	for _, file := range slices.Sorted(maps.Keys(docs)) {
		for _, d := range docs[file] {
			records = append(records, d.Record)
			r.Add(report.Warning, d.Advise(now))
		}
	}
	problems = append(problems, fresh(files.Conflicts(records), problems)...)
	r.Add(report.Error, problems)
	r.Tenants = len(records)
	for i := range problems {
		docs[problems[i].File] = nil // a file without a good document counts too
	}
	r.Files = len(docs)
	r.Sort()
	return r
}

// fresh are the problems that are not known yet.
func fresh(found, known document.Problems) document.Problems {
	return slices.DeleteFunc(slices.Clone(found), func(p document.Problem) bool { return slices.Contains(known, p) })
}

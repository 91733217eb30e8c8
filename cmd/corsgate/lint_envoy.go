package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/envoy/lint"
	"github.com/corsgate/corsgate/internal/config"
)

// lintSettings are the flags of lint-envoy.
type lintSettings struct {
	options lint.Options
	output  string
	failOn  []string
	notes   bool
}

func (p *program) lintEnvoyCommand() *cobra.Command {
	var s lintSettings
	cmd := &cobra.Command{
		Use:   "lint-envoy FILE|ADMIN-URL [flags]",
		Short: "Find in an Envoy configuration what breaks CORS",
		Long: "Reads a bootstrap (YAML or JSON), a config dump, or the dump of a running Envoy by the address of its administration\n" +
			"port (http://HOST:PORT or unix:PATH; - is standard input), and reports what breaks CORS with corsgate. Each finding says\n" +
			"where it stands, what it breaks and what to write instead, and has a section in docs/lint-envoy.md.\n\n" +
			"At most 256 MiB of JSON or 16 MiB of YAML are read, and a running Envoy is given 30 s.\n" +
			"Exits 0 without errors, 1 with errors (or what --fail-on says), 2 when flags or configuration were not understood,\n" +
			"3 when the administration port did not answer.",
		Example: "  corsgate lint-envoy envoy.yaml\n" +
			"  corsgate lint-envoy http://127.0.0.1:9901 --fail-on warning\n" +
			"  kubectl exec deploy/edge -c istio-proxy -- pilot-agent request GET config_dump | corsgate lint-envoy - -o sarif",
	}
	f := cmd.Flags()
	f.StringSliceVar(&s.options.Clusters, "cluster", nil, "`NAMES` of the clusters of corsgate's processes, if nothing about the filters is named cors")
	f.StringSliceVar(&s.failOn, "fail-on", []string{string(lint.Error)}, "exit with 1 on these `FINDINGS`: error, warning or note (each with what is worse), or ids of rules")
	f.BoolVar(&s.notes, "notes", false, "report choices to know of, too")
	config.Choice(f, &s.output, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json", "sarif"}, Usage: "form of the report"})
	return p.finish(leaf{cmd: cmd, check: s.check, args: cobra.ExactArgs(1), run: func(ctx context.Context, args []string) error {
		return p.lintEnvoy(ctx, args[0], &s)
	}})
}

func (s *lintSettings) check(src config.Sources) config.Problems {
	var ps config.Problems
	for _, name := range s.failOn {
		if s.severity(name) == "" && !slices.ContainsFunc(lint.Rules(), func(r lint.Rule) bool { return string(r.ID) == name }) {
			ps = append(ps, config.Problem{
				Source: src.Of("fail-on"), Detail: fmt.Sprintf("%q is no severity and no rule", name), Fix: "write error, warning, note or the id of a rule",
			})
		}
	}
	return ps
}

// severity is the severity of a name, or nothing.
func (s *lintSettings) severity(name string) lint.Severity {
	for _, one := range lint.Severities() {
		if string(one) == name {
			return one
		}
	}
	return ""
}

// fails reports whether a finding ends the command with 1.
func (s *lintSettings) fails(f *lint.Finding) bool {
	return slices.ContainsFunc(s.failOn, func(name string) bool {
		severity := s.severity(name)
		return string(f.Rule.ID) == name || severity != "" && f.Rule.Severity.AtLeast(severity)
	})
}

func (p *program) lintEnvoy(ctx context.Context, target string, s *lintSettings) error {
	c, err := p.readEnvoy(ctx, target)
	if err != nil {
		return err
	}
	r := lint.Check(c, s.options)
	failed := slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return s.fails(&f) })
	out := &lintReport{target: target, result: r}
	if !s.notes {
		out.hideNotes(s)
	}
	write := map[string]func(io.Writer) error{"text": out.text, "json": out.json, "sarif": out.sarif}[s.output]
	if err := write(p.stdout); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if failed {
		return &exit{code: exitFailed}
	}
	return nil
}

// readEnvoy reads a file, standard input, or what an administration port says.
func (p *program) readEnvoy(ctx context.Context, target string) (*lint.Config, error) {
	if lint.IsAdmin(target) {
		c, err := lint.Fetch(ctx, target)
		if err != nil {
			return nil, &exit{code: exitUnasked, err: fmt.Errorf("%s: %w", target, err)}
		}
		return c, nil
	}
	in := p.stdin
	if target != "-" {
		f, err := os.Open(target)
		if err != nil {
			return nil, &exit{code: exitUsage, err: err}
		}
		defer f.Close()
		in = f
	}
	c, err := lint.Read(in)
	if err != nil {
		return nil, &exit{code: exitUsage, err: fmt.Errorf("%s: %w", strings.TrimSpace(target), err)}
	}
	return c, nil
}

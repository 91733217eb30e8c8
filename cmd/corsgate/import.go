package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/migrate"
)

// migrateSettings are the flags of import.
type migrateSettings struct {
	options migrate.Options
	format  string
	output  string
	report  string
	strict  bool
}

func (p *program) importCommand() *cobra.Command {
	var s migrateSettings
	cmd := &cobra.Command{
		Use:   "import FILE... [flags]",
		Short: "Make tenant documents of another gateway's CORS configuration",
		Long: "Reads configuration and writes tenant documents that do the same, or less, and a report of every difference in effect.\n" +
			"What a file is, is seen by its content; all files are read as one configuration, - is standard input:\n\n" +
			"  Envoy          the CORS filter in a bootstrap, a route configuration or a config dump\n" +
			"  Istio          corsPolicy of VirtualService\n" +
			"  Envoy Gateway  cors of SecurityPolicy, with its HTTPRoutes and Gateways\n" +
			"  Gateway API    the CORS filter of HTTPRoute\n" +
			"  ingress-nginx  the annotations of Ingress\n\n" +
			"Documents go to standard output, the report to standard error. To load documents into Redis use corsgate tenant apply.\n" +
			"Exits 0 with documents, 1 without or (with --strict) when something is narrower, 2 when not understood.",
		Example: "  kubectl get virtualservices -A -o yaml | corsgate import - > tenants.yaml\n" +
			"  corsgate import --output tenants.yaml --format json routes.yaml gateways.yaml 2> report.json",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, args: cobra.MinimumNArgs(1), run: func(ctx context.Context, paths []string) error {
		return p.migrate(ctx, &s, paths)
	}})
}

func (s *migrateSettings) bind(f *pflag.FlagSet) {
	config.Choice(f, &s.format, config.Choices{Name: "format", Values: []string{"text", "json"}, Usage: "form of the report"})
	f.StringVarP(&s.output, "output", "o", "", "`FILE` for the documents; empty for standard output")
	f.StringVar(&s.report, "report", "", "`FILE` for the report; empty for standard error")
	f.BoolVar(&s.strict, "strict", false, "fail when something that was allowed is not any more")
	f.BoolVar(&s.options.AlignPaths, "align-paths", false, "read path prefixes as whole segments: /api and /api/ both mean /api and what is below it")
	f.BoolVar(&s.options.DangerouslyAllow, "dangerously-allow", false, "write dangerously_allow where the source allows with credentials what corsgate refuses")
}

func (p *program) migrate(ctx context.Context, s *migrateSettings, paths []string) error {
	var inputs []migrate.Input
	for _, path := range paths {
		in, err := p.readInput(ctx, path)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	result, err := migrate.Convert(inputs, s.options)
	if err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	text, err := result.YAML()
	if err != nil {
		return fmt.Errorf("writing the documents: %w", err)
	}
	write := result.Text
	if s.format == "json" {
		write = result.JSON
	}
	if err := toFile(s.report, p.stderr, write); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if len(result.Documents) == 0 {
		return errors.New("no CORS policy was converted")
	}
	err = toFile(s.output, p.stdout, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the documents: %w", err)
	}
	if s.strict && result.Count(migrate.Narrower) > 0 {
		return &exit{code: exitFailed}
	}
	return nil
}

// readInput reads a file, or standard input, up to the limit of all input.
func (p *program) readInput(ctx context.Context, path string) (migrate.Input, error) {
	var in io.Reader
	name := stdinName
	if path == stdinPath {
		in = interruptible(ctx, p.stdin)
	} else {
		f, err := os.Open(path)
		if err != nil {
			return migrate.Input{}, fmt.Errorf("importing: %w", err)
		}
		defer func() { _ = f.Close() }() // opened for reading: nothing can be lost
		name, in = path, f
	}
	data, err := io.ReadAll(io.LimitReader(in, migrate.MaxInput+1))
	if err != nil {
		return migrate.Input{}, fmt.Errorf("importing %s: %w", name, err)
	}
	return migrate.Input{Name: name, Data: data}, nil
}

// toFile writes to a file, or where there is none to w.
func toFile(path string, w io.Writer, write func(io.Writer) error) (err error) {
	if path == "" {
		return write(w)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

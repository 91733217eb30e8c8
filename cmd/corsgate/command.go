package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command did its work and the answer is no, or it could not
	exitUsage  = 2 // the command was not understood
)

// surroundings are all that a command may see of the process it runs in.
type surroundings struct {
	environ        []string // "NAME=value"
	stdin          io.Reader
	stdout, stderr io.Writer
	// open makes the registry of the tenant commands.
	open func(config.Redis, *slog.Logger) (tenantStore, error)
}

// exit ends a command with a code. A nil err ends it silently: the output has said it all.
type exit struct {
	code int
	err  error
}

// Error is the message for standard error.
func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap gives the cause.
func (e *exit) Unwrap() error { return e.err }

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, in surroundings) int {
	p := &program{surroundings: in, args: args}
	root := p.root() //nolint:contextcheck // cobra hands the context to the commands
	root.SetArgs(args)
	root.SetIn(in.stdin)
	root.SetOut(in.stdout)
	root.SetErr(in.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	end, ok := errors.AsType[*exit](err)
	if !ok { // cobra's own: an unknown command, a flag without its value
		end = &exit{code: exitUsage, err: err}
	}
	if end.err != nil {
		_, _ = fmt.Fprintf(in.stderr, "corsgate: %v\n", end.err) // standard error is the last resort
	}
	return end.code
}

// program builds the commands.
type program struct {
	surroundings
	args  []string // the command line
	flags []string // names of the flags of all commands
}

// root is the whole command tree.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "corsgate",
		Short: "CORS decisions for Envoy, per tenant",
		Long: "corsgate answers Envoy's external processing filter with CORS decisions, by the policies of tenants.\n\n" +
			"Each flag --some-name also reads the variable CORSGATE_SOME_NAME; a flag wins over its variable.\n" +
			"Exit codes: 0 done, 1 failed or found errors, 2 not understood, 3 nobody answered (probe, lint-envoy).",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(p.serveCommand(), p.checkCommand(), p.lintEnvoyCommand(), p.explainCommand(), p.renderCommand(), p.importCommand(), p.demoCommand(),
		p.tenantCommand(), p.probeCommand(), p.healthCommand(), p.versionCommand())
	return root
}

// leaf is a command that does something.
type leaf struct {
	// cmd has its texts and its flags.
	cmd *cobra.Command
	// args says how many arguments there must be; none when nil.
	args cobra.PositionalArgs
	// check finds the problems of the settings that were read; may be nil.
	check func(config.Sources) config.Problems
	// run does the work. Any error but an *exit ends with exitFailed.
	run func(ctx context.Context, args []string) error
}

// finish makes a cobra command of l: every setting is read from flag, environment and
// file, and every problem is reported before anything runs.
func (p *program) finish(l leaf) *cobra.Command {
	flags := l.cmd.Flags()
	flags.VisitAll(func(f *pflag.Flag) { p.flags = append(p.flags, f.Name) })
	l.cmd.InitDefaultHelpFlag()
	config.Arm(flags)
	if l.args == nil {
		l.args, l.cmd.ValidArgsFunction = cobra.NoArgs, cobra.NoFileCompletions
	}
	// Unknown flags arrive among the arguments, so that they are reported with all else.
	l.cmd.FParseErrWhitelist.UnknownFlagsHandling = pflag.PassUnknownFlagToArgs
	l.cmd.DisableFlagsInUseLine = true
	completeChoices(l.cmd)
	l.cmd.RunE = func(cmd *cobra.Command, args []string) error {
		sources, problems := config.Resolve(config.Input{
			Flags: flags, Args: args, Program: p.flags, Environ: p.environ,
		})
		if l.check != nil {
			problems = append(problems, l.check(sources)...)
		}
		if len(problems) == 0 {
			if err := l.args(cmd, args); err != nil {
				problems = append(problems, config.Problem{Source: cmd.CommandPath(), Detail: err.Error(), Fix: "see " + cmd.CommandPath() + " --help"})
			}
		}
		if err := problems.Err(); err != nil {
			return &exit{code: exitUsage, err: err}
		}
		err := l.run(cmd.Context(), args)
		if _, ok := errors.AsType[*exit](err); err == nil || ok {
			return err
		}
		return &exit{code: exitFailed, err: err}
	}
	return l.cmd
}

// completeChoices lets the shell complete the values of flags that take one of a few words.
func completeChoices(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if words := strings.Split(f.Value.Type(), "|"); len(words) > 1 {
			// It fails for flags that do not exist or are completed already; this one is neither.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// tenantStore is a registry that the commands read and write.
type tenantStore interface {
	store.Writer
	store.UseReader
	io.Closer
}

// Time-outs of single calls. Nobody's request waits for them, and the registry may be far away.
const (
	dialTimeout = 5 * time.Second
	callTimeout = 20 * time.Second
)

// openRedis makes the registry in Redis.
func openRedis(r config.Redis, log *slog.Logger) (tenantStore, error) {
	return app.OpenRedis(r, log, func(o *redisstore.Options) { o.DialTimeout, o.Timeout = dialTimeout, callTimeout })
}

func (p *program) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Read and change the tenants in Redis",
		Long: "Reads and changes the tenants that serving processes follow in Redis.\n\n" +
			"Whatever changes something only shows what it would do, until it is given --write: the lines that differ, and\n" +
			"who gains and loses what. What is written is all of what was shown, or nothing, and only if nobody was quicker.",
	}
	cmd.AddCommand(p.tenantListCommand(), p.tenantGetCommand(), p.tenantDiffCommand(), p.tenantApplyCommand(),
		p.tenantDeleteCommand(), p.tenantHistoryCommand(), p.tenantRollbackCommand(), p.tenantExportCommand(),
		p.tenantImportCommand(), p.tenantConfirmCommand(), p.tenantAuditCommand())
	return cmd
}

// registryFlags say where the tenants are.
type registryFlags struct {
	redis  config.Redis
	config string
}

func (r *registryFlags) bind(f *pflag.FlagSet) {
	r.redis.Bind(f)
	f.StringVar(&r.config, "config", "", "YAML `FILE` of settings; its keys are the flag names with underscores")
}

func (r *registryFlags) check(src config.Sources) config.Problems { return r.redis.Check(src) }

// withStore calls do with the registry that r names.
func (p *program) withStore(r *registryFlags, do func(tenantStore) error) (err error) {
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime}))
	s, err := p.open(r.redis, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// withoutTime drops what a person at a terminal knows.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Bounds of what the history keeps of an author, in characters.
const (
	maxBy     = 256
	maxReason = 1024
)

// writeFlags are those of all that changes something.
type writeFlags struct {
	registryFlags
	by, reason, expect, format string
	write                      bool
}

func (w *writeFlags) bind(f *pflag.FlagSet) {
	w.registryFlags.bind(f)
	f.BoolVar(&w.write, "write", false, "write it; without this flag it is only shown")
	f.StringVar(&w.by, "by", "", "`NAME` of who changes it, for the history (default user@host)")
	f.StringVar(&w.reason, "reason", "", "`TEXT` that says why, for the history")
}

// bindShown adds the flags of what shows a difference first.
func (w *writeFlags) bindShown(f *pflag.FlagSet) {
	f.StringVar(&w.expect, "expect", "", "write only the very change that was shown with this `HASH`")
	config.Choice(f, &w.format, config.Choices{Name: "output", Short: "o", Values: []string{"text", "json"}, Usage: "form of the difference"})
}

func (w *writeFlags) check(src config.Sources) config.Problems {
	ps := w.registryFlags.check(src)
	if w.by == "" {
		w.by = whoami()
	}
	for _, v := range []struct {
		flag, text string
		most       int
	}{{"by", w.by, maxBy}, {"reason", w.reason, maxReason}} {
		if utf8.RuneCountInString(v.text) > v.most || strings.ContainsFunc(v.text, func(c rune) bool { return !unicode.IsPrint(c) }) {
			ps = append(ps, config.Problem{Source: src.Of(v.flag), Detail: fmt.Sprintf("%q is not at most %d printable characters", v.text, v.most)})
		}
	}
	if w.by == "" {
		ps = append(ps, config.Problem{Source: src.Of("by"), Detail: "the system does not say who you are", Fix: "say it by --by"})
	}
	return ps
}

// whoami is user@host by the operating system, or "".
func whoami() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return ""
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		return u.Username
	}
	return u.Username + "@" + host
}

func (w *writeFlags) author(kind string) store.Author {
	return store.Author{By: w.by, Reason: w.reason, Kind: kind}
}

// writeTimeout bounds one transaction.
const writeTimeout = 90 * time.Second

// errInterrupted is a signal that came before anything was written.
var errInterrupted = errors.New("interrupted")

// commit makes edits. An interruption comes before or after them, not between, so that what became of them
// is known; a second one ends the process.
func commit(ctx context.Context, s store.Writer, edits []store.Edit, author store.Author) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing was written", errInterrupted)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	_, err := s.Apply(ctx, edits, author)
	return explainWrite(err)
}

// explainWrite says what became of the edits, and what to do.
func explainWrite(err error) error {
	conflicts, conflict := errors.AsType[store.Conflicts](err)
	switch {
	case err == nil:
		return nil
	case conflict:
		return fmt.Errorf("nothing was written, somebody else was quicker or has the host; look at the difference again:\n%w", conflicts)
	case errors.Is(err, redisstore.ErrOutcomeUnknown):
		return fmt.Errorf("all of it was written or nothing, and the answer was lost; the same command shows which: %w", err)
	default:
		return fmt.Errorf("nothing was written: %w", err)
	}
}

// tenantIDs are arguments that must be ids, at least one.
func tenantIDs(most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 || len(args) > most {
			return errors.New("name the tenant by its id")
		}
		var bad []string
		for _, id := range args {
			if !tenant.ValidID(id) {
				bad = append(bad, fmt.Sprintf("%q", id))
			}
		}
		if len(bad) > 0 {
			return fmt.Errorf("%s cannot be the id of a tenant", strings.Join(bad, ", "))
		}
		return nil
	}
}

// plainText keeps what documents and histories hold from steering the reader's terminal.
func plainText(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, text)
}

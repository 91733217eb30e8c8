package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/tenant/change"
	"github.com/corsgate/corsgate/tenant/store"
)

// shownWhole is of how many documents a command shows the lines that differ before it writes.
const shownWhole = 50

// carry shows a plan and, if w says so, writes it. name is the command's, kind what the history calls it.
func (p *program) carry(ctx context.Context, s store.Writer, pl *plan, w *writeFlags, c carried) error {
	hash, err := pl.hash()
	if err != nil {
		return err
	}
	if w.expect != "" && w.expect != hash {
		return fmt.Errorf("nothing was written: what would change is not what was shown with the hash %s; look at the difference again without --write", w.expect)
	}
	if len(pl.steps) > store.MaxEdits {
		return fmt.Errorf("nothing was written: %d documents change, and at most %d can be written as one; use corsgate tenant import, which writes one part after another",
			len(pl.steps), store.MaxEdits)
	}
	if w.format == "text" {
		if err := p.showPlan(pl, shownWhole); err != nil {
			return err
		}
	}
	if w.write && len(pl.steps) > 0 {
		bar := newProgress(p.stderr)
		bar.begin(fmt.Sprintf("writing %d documents as one", len(pl.steps)), 0)
		err := commit(ctx, s, pl.edits(), w.author(c.kind))
		bar.end()
		if err != nil {
			return err
		}
	}
	end := outcome{Written: w.write, Counts: pl.counts(), Took: time.Since(c.began), Hash: hash}
	if !w.write && len(pl.steps) > 0 {
		end.Command = p.commandLine(c.name, "--write", "--expect", hash)
	}
	return p.showOutcome(pl, end, w.format)
}

// carried is what a command adds to a plan.
type carried struct {
	name, kind string
	began      time.Time
}

// commandLine is the command that is running with more flags.
func (p *program) commandLine(name string, flags ...string) string {
	words := slices.Clone(p.args)
	if i := slices.Index(words, name); i >= 0 {
		words = slices.Insert(words, i+1, flags...)
	}
	for i := range words {
		words[i] = shellQuote(words[i])
	}
	return "corsgate " + strings.Join(words, " ")
}

// showPlan writes each change: what it does, and for the first ones the lines that differ.
func (p *program) showPlan(pl *plan, whole int) error {
	var b strings.Builder
	for i := range pl.steps {
		showStep(&b, &pl.steps[i], i < whole)
		if err := flush(p.stdout, &b); err != nil {
			return err
		}
	}
	if n := len(pl.steps) - whole; n > 0 {
		fmt.Fprintf(&b, "The lines that differ are shown of the first %d documents only; corsgate tenant diff shows all.\n", whole)
	}
	return flush(p.stdout, &b)
}

// flush writes what b holds, printable.
func flush(w io.Writer, b *strings.Builder) error {
	_, err := io.WriteString(w, plainText(b.String()))
	b.Reset()
	return err
}

func showStep(b *strings.Builder, st *step, whole bool) {
	fmt.Fprintf(b, "%s %s", st.change.Kind, st.edit.ID)
	if st.edit.Base > 0 {
		fmt.Fprintf(b, ", revision %d", st.edit.Base)
	}
	b.WriteString(": " + directionText(&st.change) + "\n")
	if st.note != "" {
		b.WriteString("  " + st.note + "\n")
	}
	if !whole {
		return
	}
	showEffects(b, st.change.Effects)
	b.WriteString(st.change.Diff)
}

func showEffects(b *strings.Builder, effects []change.Effect) {
	for _, e := range effects {
		fmt.Fprintf(b, "  %-8s  %s\n", e.Direction, e)
	}
}

func directionText(c *change.Change) string {
	switch {
	case len(c.Effects) == 0:
		return "no effect on requests"
	case c.Direction == change.Both:
		return "wider and narrower"
	case c.Direction == change.Neutral:
		return "nobody gains or loses access"
	default:
		return string(c.Direction)
	}
}

// outcome is how a command ended.
type outcome struct {
	Written bool          `json:"written"`
	Counts  counts        `json:"counts"`
	Took    time.Duration `json:"-"`
	// Hash names what would be written; Command writes it, and is "" when there is nothing to write.
	Hash    string `json:"hash,omitempty"`
	Command string `json:"command,omitempty"`
}

func (p *program) showOutcome(pl *plan, end outcome, format string) error {
	if format == "json" {
		all := make([]change.Change, len(pl.steps))
		for i := range pl.steps {
			all[i] = pl.steps[i].change
		}
		return writeJSON(p.stdout, struct {
			outcome
			Warnings []string        `json:"warnings,omitempty"`
			Changes  []change.Change `json:"changes"`
		}{end, pl.warnings, all})
	}
	p.warn(pl.warnings)
	return p.summary(end)
}

func (p *program) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(p.stderr, "corsgate: warning: %s\n", w)
	}
}

// summary is the last line of what a command says, or two.
func (p *program) summary(end outcome) error {
	text := fmt.Sprintf("%s in %s\n", end.Counts, end.Took.Round(time.Millisecond))
	switch {
	case end.Command != "":
		text = fmt.Sprintf("would be: %s\nNothing was written. To write exactly this:\n  %s\n", end.Counts, end.Command)
	case !end.Written:
		text = fmt.Sprintf("%s: there is nothing to write\n", end.Counts)
	}
	_, err := io.WriteString(p.stdout, text)
	return err
}

// errDifferent is the silent end of a comparison that found something.
func errDifferent() error { return &exit{code: exitFailed} }

// asUsage ends a command as kubectl diff does when it could not compare: with more than 1.
func asUsage(err error) error {
	if _, ok := errors.AsType[*exit](err); ok || err == nil {
		return err
	}
	return &exit{code: exitUsage, err: err}
}

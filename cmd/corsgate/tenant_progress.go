package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows on a terminal how far a long command is, in one line that it takes away
// again. Elsewhere it shows nothing.
type progress struct {
	out   io.Writer // nil when nobody watches
	doing string
	total int
	drawn time.Time
}

// redrawEvery is how often the line changes at most.
const redrawEvery = 100 * time.Millisecond

func newProgress(out io.Writer) *progress {
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{out: out}
		}
	}
	return &progress{}
}

// begin starts another phase; total is 0 when it is not known.
func (p *progress) begin(doing string, total int) {
	p.doing, p.total, p.drawn = doing, total, time.Time{}
	p.at(0)
}

// at says how much of the phase is done.
func (p *progress) at(done int) {
	if p.out == nil || time.Since(p.drawn) < redrawEvery && done != p.total {
		return
	}
	p.drawn = time.Now()
	fmt.Fprint(p.out, "\r\x1b[K"+p.line(done))
}

// end takes the line away.
func (p *progress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) line(done int) string {
	const width = 30
	if p.total == 0 {
		if done == 0 {
			return p.doing
		}
		return fmt.Sprintf("%s %d", p.doing, done)
	}
	filled := width * done / p.total
	return fmt.Sprintf("%s [%s%s] %d/%d", p.doing, strings.Repeat("=", filled), strings.Repeat(" ", width-filled), done, p.total)
}

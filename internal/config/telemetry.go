package config

import (
	"fmt"
	"regexp"

	"github.com/spf13/pflag"
)

// Telemetry says what is measured of decisions, and where it goes.
type Telemetry struct {
	// Tiers are the values of the document label "tier" that metrics tell apart.
	Tiers []string
	// DecisionLog is "sampled", "all" or "off".
	DecisionLog string
	// Origins lets origins and hosts stand in spans and the decision log.
	Origins bool
	// TraceAllowed and TraceDenied are the shares of decisions that get a span where Envoy traces
	// nothing.
	TraceAllowed, TraceDenied float64
	// MaxSpans bounds the spans of decisions in a second.
	MaxSpans int

	// OTLP is what the environment says by the names of OpenTelemetry; see [Telemetry.Environment].
	OTLP OTLP
}

// Bind defines the flags on fs.
func (t *Telemetry) Bind(fs *pflag.FlagSet) {
	fs.StringSliceVar(&t.Tiers, "tenant-tier", []string{"gold", "silver", "bronze"}, "`VALUE` of the document label tier that metrics tell apart; repeat for more, up to 3; empty for none")
	Choice(fs, &t.DecisionLog, Choices{
		Name: "decision-log", Values: []string{"sampled", "all", "off"},
		Usage: "decisions that are logged: sampled is errors, the first of equal denials each minute, and one in a thousand of the rest",
	})
	fs.BoolVar(&t.Origins, "log-origins", true, "let origins and hosts stand in the decision log and in spans")
	fs.Float64Var(&t.TraceAllowed, "trace-allowed", 0.001, "share of allowed decisions that get a span where Envoy traces nothing")
	fs.Float64Var(&t.TraceDenied, "trace-denied", 0.01, "the same share of denied decisions; errors all get one")
	fs.IntVar(&t.MaxSpans, "max-spans", 200, "most spans of decisions in a second")
}

// maxTiers is how many tiers metrics tell apart.
const maxTiers = 3

// maxMaxSpans is what a queue of spans can take.
const maxMaxSpans = 10_000

// tierForm is what a tier can be called: a label value of a document that is fit for a metric.
var tierForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// telemetry checks t.
func (c *checker) telemetry(t *Telemetry) {
	if len(t.Tiers) > maxTiers {
		c.add("tenant-tier", fmt.Sprintf("%d tiers are more than %d", len(t.Tiers), maxTiers), "name the most important ones; all others count as other")
	}
	seen := map[string]bool{}
	for _, tier := range t.Tiers {
		switch {
		case !tierForm.MatchString(tier):
			c.add("tenant-tier", fmt.Sprintf("%q is no tier", tier), "write at most 32 letters, digits and ._-")
		case tier == "other":
			c.add("tenant-tier", "other is what all other tiers count as", "leave it out")
		case seen[tier]:
			c.add("tenant-tier", tier+" is named twice", "leave one out")
		}
		seen[tier] = true
	}
	for _, ratio := range []struct {
		flag  string
		value float64
	}{{"trace-allowed", t.TraceAllowed}, {"trace-denied", t.TraceDenied}} {
		if !(ratio.value >= 0 && ratio.value <= 1) { // NaN is neither
			c.add(ratio.flag, fmt.Sprintf("%v is no share", ratio.value), "write a number from 0 to 1")
		}
	}
	if t.MaxSpans < 1 || t.MaxSpans > maxMaxSpans {
		c.add("max-spans", fmt.Sprintf("%d is outside 1 to %d", t.MaxSpans, maxMaxSpans), "")
	}
}

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Prefix starts every environment variable of the program.
const Prefix = "CORSGATE_"

// configFlag names the flag whose value is the configuration file.
const configFlag = "config"

// Input is where one command's settings come from.
type Input struct {
	// Flags of the command, armed by [Arm] and parsed.
	Flags *pflag.FlagSet
	// Args are what parsing left: arguments and, before a "--", unknown flags.
	Args []string
	// Program has the flag names of all commands: a variable that another command reads
	// is not a mistake here.
	Program []string
	// Environ is the environment as os.Environ gives it.
	Environ []string
}

// Sources maps a flag name to the place that its value came from, for messages.
type Sources map[string]string

// Of names the place of a flag's value; for a default it is the flag itself.
func (s Sources) Of(flag string) string {
	if where, ok := s[flag]; ok {
		return where
	}
	return "--" + flag
}

// Arm makes flags remember unusable values instead of stopping at the first
// one, so that [Resolve] can report all of them. Call it once, before parsing.
func Arm(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if isList(f) && f.DefValue == "[]" {
			f.DefValue = "" // the help then shows no default
		}
		f.Value = &deferred{Value: f.Value}
	})
}

// Resolve gives each flag that was not on the command line its value from the
// environment or the file, and returns where the values came from and every problem.
func Resolve(in Input) (Sources, Problems) {
	r := resolver{
		flags:   in.Flags,
		program: slices.Sorted(slices.Values(in.Program)),
		sources: Sources{},
	}
	r.commandLine(in.Args)
	r.environment(in.Environ)
	if f := in.Flags.Lookup(configFlag); f != nil && f.Value.String() != "" {
		r.file(f.Value.String())
	}
	return r.sources, r.problems
}

type resolver struct {
	flags    *pflag.FlagSet
	program  []string // every command's flag names, sorted
	sources  Sources
	problems Problems
}

// names are the flags of this command, sorted.
func (r *resolver) names() []string {
	var names []string
	r.flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func (r *resolver) add(source, detail, fix string) {
	r.problems = append(r.problems, Problem{Source: source, Detail: detail, Fix: fix})
}

func (r *resolver) commandLine(args []string) {
	if dash := r.flags.ArgsLenAtDash(); dash >= 0 {
		args = args[:dash]
	}
	for _, arg := range args {
		if len(arg) < 2 || arg[0] != '-' {
			continue
		}
		name, _, _ := strings.Cut(arg, "=")
		r.add(name, "there is no such flag", didYouMean(strings.TrimLeft(name, "-"), "--", r.names()))
	}
	r.flags.Visit(func(f *pflag.Flag) {
		source := "--" + f.Name
		r.sources[f.Name] = source
		r.judge(f, source)
	})
}

func (r *resolver) environment(environ []string) {
	values := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, Prefix) && !foreignVariable(name) {
			values[name] = value
		}
	}
	known := make([]string, len(r.program))
	for i, name := range r.program {
		known[i] = Variable(name)
	}
	for _, variable := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, variable) {
			r.add(variable, "no setting has this name", didYouMean(variable, "", known))
			continue
		}
		if f := r.flags.Lookup(flagName(variable)); f != nil {
			r.set(f, variable, []string{values[variable]})
		}
	}
}

// set gives f its values unless a stronger source already did.
func (r *resolver) set(f *pflag.Flag, source string, values []string) {
	if _, done := r.sources[f.Name]; done {
		return
	}
	r.sources[f.Name] = source
	for _, v := range values {
		// Flags.Set and not Value.Set: it also marks the flag as changed.
		if err := r.flags.Set(f.Name, v); err != nil {
			r.add(source, err.Error(), "")
			return
		}
	}
	r.judge(f, source)
}

// judge reports the value that source gave f if it cannot be used, or is empty although the help of f does not say what that
// would do ("empty for nowhere"). Nobody writes an empty value on purpose: a variable of a script was not set, and without
// this check a setting such as --tls-client-ca would silently be off.
func (r *resolver) judge(f *pflag.Flag, source string) {
	d, ok := f.Value.(*deferred)
	switch {
	case !ok:
	case d.err != nil:
		r.add(source, d.err.Error(), fixFor(f))
	case d.blank() && !strings.Contains(f.Usage, "empty for "):
		r.add(source, "it is given and empty", "give it a value or remove it")
	}
}

// deferred is a flag value whose parse error waits for Resolve.
type deferred struct {
	pflag.Value
	err   error
	empty bool // some text that was set was empty
}

// Set never fails; the error is kept.
func (d *deferred) Set(text string) error {
	if err := d.Value.Set(text); err != nil {
		d.err = fmt.Errorf("%q cannot be used", text)
	}
	d.empty = d.empty || strings.TrimSpace(text) == ""
	return nil
}

// blank reports whether something that was set, or an item of it, is empty.
func (d *deferred) blank() bool {
	list, ok := d.Value.(pflag.SliceValue)
	return d.empty || ok && slices.ContainsFunc(list.GetSlice(), func(item string) bool { return strings.TrimSpace(item) == "" })
}

// fixFor says what a flag's value looks like.
func fixFor(f *pflag.Flag) string {
	if isList(f) {
		return "write a list of strings"
	}
	switch kind := f.Value.Type(); kind {
	case "duration":
		return "write a duration such as 25ms or 5s"
	case "bool":
		return "write true or false"
	case "int":
		return "write a whole number"
	case "float64":
		return "write a number"
	default:
		if strings.Contains(kind, "|") {
			return "write one of " + strings.ReplaceAll(kind, "|", ", ")
		}
		return "write a " + kind
	}
}

// isList reports whether f may be repeated.
func isList(f *pflag.Flag) bool {
	kind := f.Value.Type()
	return kind == "stringSlice" || kind == "stringArray"
}

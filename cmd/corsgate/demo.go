package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/demo"
)

// envoyVariable names the Envoy to run. The tests read it too, so it is not a
// setting that config resolves.
const envoyVariable = "CORSGATE_ENVOY"

func (p *program) demoCommand() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it all on this machine: browser pages, Envoy, corsgate and an application",
		Long: "demo starts corsgate, the real Envoy, a sample application and a page on two origins, of which\n" +
			"the tenants file lists one. Open the pages, edit the tenants file, and watch what a browser may read.\n" +
			"With --with-redis the tenants are in a Redis of the demo's own, to be changed by corsgate tenant apply.\n" +
			"Ctrl-C stops everything.",
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Envoy, "envoy", "", "the Envoy to run (default: "+envoyVariable+", or envoy in PATH)")
	flags.BoolVar(&o.Redis, "with-redis", false, "keep the tenants in a Redis that the demo starts")
	flags.StringVar(&o.RedisServer, "redis-server", "redis-server", "the redis-server to run")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:10000", "where Envoy listens, as http://api.localhost; port 0 lets the system choose")
	flags.StringVar(&o.Allowed, "allowed-page", "127.0.0.1:10001", "where the page on the listed origin is, as http://app.localhost")
	flags.StringVar(&o.Foreign, "foreign-page", "127.0.0.1:10002", "where the page on the foreign origin is, as http://evil.localhost")
	flags.StringVar(&o.Dir, "dir", "", "keep the tenants file, Envoy's configuration and the logs here (default: a temporary directory)")
	flags.BoolVar(&o.JSON, "json", false, "announce the addresses as one line of JSON")
	cmd.AddCommand(p.demoAppCommand())
	return p.finish(leaf{
		cmd:   cmd,
		args:  cobra.NoArgs,
		check: func(s config.Sources) config.Problems { return checkDemo(s, &o) },
		run: func(ctx context.Context, _ []string) error {
			o.Out, o.Program = p.stdout, os.Args[0]
			if o.Envoy == "" {
				o.Envoy = p.envoyProgram()
			}
			return demo.Run(ctx, o)
		},
	})
}

// checkDemo refuses addresses that other machines could reach: the demo has no
// protection of its own.
func checkDemo(s config.Sources, o *demo.Options) config.Problems {
	var problems config.Problems
	for _, a := range []struct{ flag, value string }{
		{"listen", o.Listen}, {"allowed-page", o.Allowed}, {"foreign-page", o.Foreign},
	} {
		address, err := config.ParseAddress(a.value)
		switch {
		case err != nil:
			problems = append(problems, config.Problem{Source: s.Of(a.flag), Detail: err.Error(), Fix: "write 127.0.0.1:PORT"})
		case address.Network != "tcp" || !address.Local():
			problems = append(problems, config.Problem{Source: s.Of(a.flag), Detail: "the demo listens on loopback only", Fix: "write 127.0.0.1:PORT"})
		}
	}
	return problems
}

func (p *program) envoyProgram() string {
	for _, kv := range p.environ {
		if path, ok := strings.CutPrefix(kv, envoyVariable+"="); ok && path != "" {
			return path
		}
	}
	return "envoy"
}

package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/demo"
)

func (p *program) demoAppCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "app [flags]",
		Short: "Serve the demo's sample application alone, for docker-compose.yaml",
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "host:port of the application")
	return p.finish(leaf{
		cmd:  cmd,
		args: cobra.NoArgs,
		check: func(s config.Sources) config.Problems {
			if address, err := config.ParseAddress(listen); err != nil || address.Network != "tcp" {
				return config.Problems{{Source: s.Of("listen"), Detail: fmt.Sprintf("%q is not host:port", listen), Fix: "write 127.0.0.1:8080"}}
			}
			return nil
		},
		run: func(ctx context.Context, _ []string) error {
			var lc net.ListenConfig
			l, err := lc.Listen(ctx, "tcp", listen)
			if err != nil {
				return fmt.Errorf("listening for the application: %w", err)
			}
			return demo.Application(ctx, l)
		},
	})
}

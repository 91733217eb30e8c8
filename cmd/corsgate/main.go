// Command corsgate decides CORS for Envoy. The commands parse, call and print; what they
// do is in the packages they call:
//
//	corsgate serve           answers Envoy's external processing filter
//	corsgate check           finds mistakes in tenant documents
//	corsgate explain         says why a request is allowed or denied
//	corsgate render envoy    writes an Envoy configuration
//	corsgate demo            shows it all on this machine
//	corsgate tenant          reads and changes the tenants in Redis
//	corsgate probe           asks a live endpoint what browsers ask
//	corsgate health          asks a serving process how it is
//	corsgate version         says what was built
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal starts an orderly stop; a second one must end the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], environment())) //nolint:forbidigo // this is main
}

// environment is what the process was started with.
func environment() surroundings {
	return surroundings{environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, open: openRedis}
}

// Command generate writes the Grafana dashboards into the directory that is its only argument.
package main

import (
	"fmt"
	"os"

	"github.com/corsgate/corsgate/deploy/monitoring/dashboards"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate DIRECTORY")
		os.Exit(2)
	}
	if err := dashboards.Write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

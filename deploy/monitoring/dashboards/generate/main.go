// Command generate writes the Grafana dashboards into the directory that is its only argument.
package main

import (
	"log"
	"os"

	"github.com/corsgate/corsgate/deploy/monitoring/dashboards"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate DIRECTORY")
	}
	if err := dashboards.Write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

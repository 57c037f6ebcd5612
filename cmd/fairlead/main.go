// Command fairlead is hub, agents and command line in one binary; package cli has them all.
package main

import (
	"context"
	"os"

	"github.com/fairlead/fairlead/cli"
)

func main() { os.Exit(cli.Main(context.Background(), cli.Arguments(os.Args), cli.OSStreams())) }

package chart

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed all:microsoft-flux
var fluxFS embed.FS

// FluxName is the name of the chart of extension microsoft.flux.
const FluxName = "microsoft-flux"

// ErrNoFlux is the error of a build that was not given the definitions of Flux.
var ErrNoFlux = errors.New("this build of fairlead holds no Flux: its definitions are there when it was built with make build")

// Flux returns the chart of extension microsoft.flux, packed in the same way. Definitions and versions of Flux come from its
// modules when the binary is built; in a build without them the error is ErrNoFlux.
func Flux() ([]byte, error) { return flux(fluxFS) }

func flux(from embed.FS) ([]byte, error) {
	if _, err := fs.Stat(from, FluxName+"/definitions/versions.yaml"); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", FluxName, ErrNoFlux)
	}
	return archive(from, FluxName)
}

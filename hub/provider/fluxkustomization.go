package provider

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

const (
	maxKustomizations = 100
	maxPath           = 1024
)

// variableName is what Flux replaces as ${NAME}.
var variableName = regexp.MustCompile(`^[_A-Za-z][_A-Za-z0-9]*$`)

func checkKustomizations(of string, all map[string]fairlead.FluxKustomization) error {
	if len(all) > maxKustomizations {
		return badContent("A configuration has at most %d kustomizations, not %d.", maxKustomizations, len(all))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !fluxName.MatchString(name) {
			return badContent("'%.128s' is no name of a kustomization: it has lower-case letters, digits, '-' and '.', and a letter or digit at both ends and beside each '.'.", name)
		}
		if len(of)+len(name) >= maxLabel {
			return badContent("The names '%.128s' and '%.128s' are too long together: a configuration and a kustomization have at most %d characters.", of, name, maxLabel-1)
		}
		if err := checkKustomization(name, all[name], all); err != nil {
			return err
		}
	}
	return checkCycle(all)
}

func checkKustomization(name string, one fairlead.FluxKustomization, all map[string]fairlead.FluxKustomization) error {
	if len(one.Path) > maxPath || slices.Contains(strings.Split(path.Clean(one.Path), "/"), "..") {
		return badContent("The path '%.128s' of kustomization '%s' leads out of the source.", one.Path, name)
	}
	for _, other := range one.DependsOn {
		if _, known := all[other]; !known {
			return badContent("The kustomization '%s' depends on '%.64s', which the configuration does not have. It has: %s.",
				name, other, listed(slices.Sorted(maps.Keys(all))))
		}
	}
	return checkPostBuild(name, one.PostBuild)
}

func checkPostBuild(name string, build *fairlead.FluxPostBuild) error {
	if build == nil {
		return nil
	}
	for variable := range build.Substitute {
		if !variableName.MatchString(variable) {
			return badContent("'%.64s' in postBuild.substitute of kustomization '%s' is no name of a variable.", variable, name)
		}
	}
	for _, from := range build.SubstituteFrom {
		if from.Kind != "ConfigMap" && from.Kind != "Secret" || !objectName(from.Name) {
			return badContent("postBuild.substituteFrom of kustomization '%s' names a ConfigMap or a Secret; '%.64s' '%.64s' is none.", name, from.Kind, from.Name)
		}
	}
	return nil
}

// checkCycle refuses kustomizations that wait for each other: none of them would ever begin.
func checkCycle(all map[string]fairlead.FluxKustomization) error {
	settled := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if round := cycle(all, name, nil, settled); round != nil {
			return badContent("The kustomizations %s wait for each other.", strings.Join(round, " → "))
		}
	}
	return nil
}

// cycle follows dependencies from a kustomization, and returns the way around when it comes back to one that it came by.
func cycle(all map[string]fairlead.FluxKustomization, name string, way []string, settled map[string]bool) []string {
	if at := slices.Index(way, name); at >= 0 {
		return append(way[at:], name)
	}
	if settled[name] {
		return nil
	}
	way = append(slices.Clone(way), name)
	for _, next := range all[name].DependsOn {
		if round := cycle(all, next, way, settled); round != nil {
			return round
		}
	}
	settled[name] = true
	return nil
}

// maxListed bounds lists in errors.
const maxListed = 30

func listed(all []string) string {
	if len(all) > maxListed {
		return strings.Join(all[:maxListed], ", ") + ", …"
	}
	return strings.Join(all, ", ")
}

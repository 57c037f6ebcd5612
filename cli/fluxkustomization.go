package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/client"
)

// groups is a flag that takes several words each time it is given.
type groups struct{ into *[][]string }

// Set implements pflag.Value.
func (g *groups) Set(text string) error {
	*g.into = append(*g.into, strings.Split(text, wordBreak))
	return nil
}

// String implements pflag.Value.
func (g *groups) String() string { return "" }

// Type implements pflag.Value.
func (g *groups) Type() string { return "name=NAME word ..." }

// kustomizationKeys are the words of a kustomization, as az has them, by what they mean.
func kustomizationKeys() map[string]string {
	return map[string]string{
		"name": "name", "path": "path", "prune": "prune", "force": "force", "wait": "wait", "disable_health_check": "unchecked", "disablehealthcheck": "unchecked",
		"depends": "dependsOn", "depends_on": "dependsOn", "dependson": "dependsOn", "dependencies": "dependsOn",
		"interval": "syncIntervalInSeconds", "sync_interval": "syncIntervalInSeconds", "syncinterval": "syncIntervalInSeconds",
		"timeout": "timeoutInSeconds", "retry_interval": "retryIntervalInSeconds", "retryinterval": "retryIntervalInSeconds",
		"substitute": "substitute", "substitute_from": "substituteFrom", "substitutefrom": "substituteFrom",
	}
}

// readKustomizations reads what was given with --kustomization, by name.
func readKustomizations(all [][]string) (map[string]client.Document, error) {
	found := map[string]client.Document{}
	for _, words := range all {
		name, one, err := readKustomization(words)
		if err != nil {
			return nil, err
		}
		if _, twice := found[name]; twice {
			return nil, usagef("--kustomization/-k: %s is there twice", name)
		}
		found[name] = one
	}
	return found, nil
}

func readKustomization(words []string) (string, client.Document, error) {
	name, one := "", client.Document{}
	for _, word := range words {
		key, value, pair := strings.Cut(word, "=")
		meaning, known := kustomizationKeys()[strings.ToLower(key)]
		switch {
		case !pair || !known:
			return "", nil, usagef("--kustomization/-k: %.100q is not KEY=VALUE with one of the keys name, path, depends_on, interval, timeout, retry_interval, prune, force, wait, substitute, substitute_from", word)
		case meaning == "name":
			name = value
		default:
			if err := putKustomization(one, meaning, "--kustomization/-k "+key, value); err != nil {
				return "", nil, err
			}
		}
	}
	if name == "" {
		return "", nil, usagef("--kustomization/-k: name=NAME is missing")
	}
	return name, one, checkFluxName("--kustomization/-k name", name)
}

// putKustomization puts one property into a kustomization's document.
func putKustomization(into client.Document, meaning, flag, value string) error {
	switch meaning {
	case "path":
		into[meaning] = value
	case "dependsOn":
		into[meaning] = separatedWords(value)
	case "prune", "force", "wait", "unchecked":
		given := new(bool)
		if err := (&truth{given}).Set(value); err != nil {
			return usagef("%s: %.60q is neither true nor false", flag, value)
		}
		if meaning == "unchecked" {
			meaning, *given = "wait", !*given
		}
		into[meaning] = *given
	case "substitute":
		return putSubstitute(into, flag, value)
	case "substituteFrom":
		return putSubstituteFrom(into, flag, value)
	default:
		return putSeconds(into, meaning, flag, value)
	}
	return nil
}

// separatedWords reads a list with commas, as it is or as JSON has it.
func separatedWords(text string) []string {
	found := []string{}
	for word := range strings.SplitSeq(strings.Trim(strings.TrimSpace(text), "[]"), ",") {
		if word = strings.Trim(strings.TrimSpace(word), `"'`); word != "" {
			found = append(found, word)
		}
	}
	return found
}

func postBuild(of client.Document) client.Document {
	build, ok := of["postBuild"].(client.Document)
	if !ok {
		build = client.Document{}
		of["postBuild"] = build
	}
	return build
}

// putSubstitute reads NAME=VALUE pairs with commas between.
func putSubstitute(into client.Document, flag, text string) error {
	values, ok := postBuild(into)["substitute"].(map[string]string)
	if !ok {
		values = map[string]string{}
		postBuild(into)["substitute"] = values
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return usagef("%s: %.60q is not NAME=VALUE", flag, pair)
		}
		values[name] = value
	}
	return nil
}

// putSubstituteFrom reads ConfigMap/NAME or Secret/NAME, with a question mark behind those that may be missing.
func putSubstituteFrom(into client.Document, flag, text string) error {
	all, _ := postBuild(into)["substituteFrom"].([]client.Document)
	for word := range strings.SplitSeq(text, ",") {
		name, optional := strings.CutSuffix(word, "?")
		kind, name, found := strings.Cut(name, "/")
		kinds := map[string]string{"configmap": "ConfigMap", "secret": "Secret"}
		if !found || name == "" || kinds[strings.ToLower(kind)] == "" {
			return usagef("%s: %.60q is neither ConfigMap/NAME nor Secret/NAME", flag, word)
		}
		all = append(all, client.Document{"kind": kinds[strings.ToLower(kind)], "name": name, "optional": optional})
	}
	postBuild(into)["substituteFrom"] = all
	return nil
}

func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// maxSettings bounds a file of settings, in bytes. The hub takes no more.
const maxSettings = 1 << 20

// settingFlags are where the settings of an extension come from.
type settingFlags struct {
	plain, protected         []string
	plainFile, protectedFile string
}

const (
	plainFlag         = "configuration-settings"
	plainFileFlag     = "configuration-settings-file"
	protectedFlag     = "configuration-protected-settings"
	protectedFileFlag = "configuration-protected-settings-file"
)

func (f *settingFlags) offer(command *cobra.Command) {
	set := command.Flags()
	set.Var(&words{into: &f.plain}, plainFlag, "settings as key=value, separated by blanks; keys are paths of the chart's values, such as image.tag")
	set.StringVar(&f.plainFile, plainFileFlag, "", "JSON file with settings, one object of key and value; - for standard input")
	set.Var(&words{into: &f.protected}, protectedFlag, "protected settings as key=value; they can be seen in the list of processes and in the shell's history: better give a file")
	set.StringVar(&f.protectedFile, protectedFileFlag, "", "JSON file with protected settings; - for standard input")
	also(command, plainFlag, "config", "config-settings")
	also(command, plainFileFlag, "config-file", "config-settings-file")
	also(command, protectedFlag, "config-protected", "config-protected-settings")
	also(command, protectedFileFlag, "config-protected-file", "config-protected-settings-file")
}

const (
	removeFlag          = "remove-configuration-settings"
	removeProtectedFlag = "remove-configuration-protected-settings"
)

// removals are the settings that an update takes away.
type removals struct{ plain, protected []string }

func (r *removals) offer(command *cobra.Command) {
	set := command.Flags()
	set.Var(&words{into: &r.plain}, removeFlag, "keys of settings to remove, separated by blanks")
	set.Var(&words{into: &r.protected}, removeProtectedFlag, "keys of protected settings to remove")
	also(command, removeFlag, "remove-config", "remove-config-settings")
	also(command, removeProtectedFlag, "remove-config-protected", "remove-config-protected-settings")
}

// patch returns settings as a PATCH has them, in which null removes.
func (r *removals) patch(given settings) (plain, protected map[string]any, err error) {
	if plain, err = without(removeFlag, given.plain, r.plain); err != nil {
		return nil, nil, err
	}
	protected, err = without(removeProtectedFlag, given.protected, r.protected)
	return plain, protected, err
}

// without adds the keys that are to go. What is no key is told by its place, for it may be a secret.
func without(flag string, given map[string]string, keys []string) (map[string]any, error) {
	patch := make(map[string]any, len(given)+len(keys))
	for key, value := range given {
		patch[key] = value
	}
	for i, key := range keys {
		if strings.Contains(key, "=") {
			return nil, usagef("--%s: word %d is more than a key: a setting is removed by its key alone", flag, i+1)
		}
		if _, set := given[key]; set {
			return nil, usagef("--%s: %.100s is set and removed at once", flag, key)
		}
		patch[key] = nil
	}
	return patch, nil
}

// settings are an extension's, those that the hub shows and those that it never does.
type settings struct{ plain, protected map[string]string }

// read returns the settings of the flags; what is in a flag goes before what is in a file.
func (f *settingFlags) read(ctx context.Context, s *session) (settings, error) {
	if f.plainFile == "-" && f.protectedFile == "-" {
		return settings{}, usagef("--%s and --%s cannot both be standard input", plainFileFlag, protectedFileFlag)
	}
	if f.protected != nil {
		s.warn("protected settings on the command line can be read by other processes and stay in the shell's history; --%s FILE, or - for standard input, keeps them out of both", protectedFileFlag)
	}
	plain, err := s.settingsOf(ctx, plainFlag, f.plain, plainFileFlag, f.plainFile)
	if err != nil {
		return settings{}, err
	}
	protected, err := s.settingsOf(ctx, protectedFlag, f.protected, protectedFileFlag, f.protectedFile)
	if err != nil {
		return settings{}, err
	}
	return settings{plain, protected}, nil
}

func (s *session) settingsOf(ctx context.Context, flag string, pairs []string, fileFlag, file string) (map[string]string, error) {
	found := map[string]string{}
	if file != "" {
		content, err := s.settingsFile(ctx, fileFlag, file)
		if err != nil {
			return nil, err
		}
		if found, err = parseSettings(content); err != nil {
			return nil, usagef("--%s: %s: %w", fileFlag, file, err)
		}
	}
	given, err := pairSettings(flag, pairs)
	maps.Copy(found, given)
	return found, err
}

func (s *session) settingsFile(ctx context.Context, flag, name string) ([]byte, error) {
	source := s.streams.In
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the caller names it
		if err != nil {
			return nil, usagef("--%s cannot be read: %w", flag, err)
		}
		defer func() { _ = file.Close() }() // it was only read
		source = file
	}
	content, err := interruptible(ctx, func() (string, error) {
		content, err := io.ReadAll(io.LimitReader(source, maxSettings+1))
		return string(content), err
	})
	switch {
	case err != nil:
		return nil, usagef("--%s cannot be read: %w", flag, err)
	case len(content) > maxSettings:
		return nil, usagef("--%s: %s has more than %d bytes", flag, name, maxSettings)
	}
	return []byte(content), nil
}

// parseSettings reads a JSON object of texts, numbers and truths. Its errors name keys, never values.
func parseSettings(content []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // 1.10 is a version, and stays one
	var document map[string]any
	if decoder.Decode(&document) != nil || decoder.Decode(&struct{}{}) != io.EOF {
		return nil, fmt.Errorf(`%w; a JSON object is expected, such as {"image.tag": "1.2", "replicas": 3}`, notJSON(content, json.Unmarshal(content, &document)))
	}
	if len(document) == 0 {
		return nil, errors.New("there is no setting in it")
	}
	found := make(map[string]string, len(document))
	for _, key := range slices.Sorted(maps.Keys(document)) {
		text, ok := settingText(document[key])
		if !ok {
			return nil, errors.New("the value of " + key + " is an object or a list: settings are flat; write " + key + ".NAME or " + key + "[0] as keys")
		}
		if key == "" {
			return nil, errors.New("a setting has no key")
		}
		found[key] = text
	}
	return found, nil
}

func settingText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return (&truth{&v}).String(), true
	case nil:
		return "null", true
	}
	return "", false
}

// pairSettings reads key=value words. A word that is none is told by its place, for it may be a secret.
func pairSettings(flag string, pairs []string) (map[string]string, error) {
	found := make(map[string]string, len(pairs))
	for i, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--%s: word %d is not key=value", flag, i+1)
		}
		found[key] = value
	}
	return found, nil
}

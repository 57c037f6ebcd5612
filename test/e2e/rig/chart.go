package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// WriteChart packs a chart of templates, by their names, into a file that `fairlead registry push` takes.
func WriteChart(file, name, version string, templates map[string]string) error {
	files := map[string]string{name + "/Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"}
	for template, text := range templates {
		files[name+"/templates/"+template] = text
	}
	return pack(file, files)
}

// PackChart packs the folder of a chart as it is, into a file that `fairlead registry push` takes.
func PackChart(dir, file string) error {
	files := map[string]string{}
	folder := os.DirFS(dir)
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		files[path.Join(filepath.Base(dir), name)] = string(content)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the chart: %w", err)
	}
	return pack(file, files)
}

func pack(file string, files map[string]string) error {
	content, err := packed(files)
	if err != nil {
		return fmt.Errorf("pack chart %s: %w", file, err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write chart %s: %w", file, err)
	}
	return nil
}

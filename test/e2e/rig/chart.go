package rig

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

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
	content, err := packed(files)
	if err != nil {
		return fmt.Errorf("pack the chart: %w", err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	return nil
}

package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// place writes a file for its owner alone, such that after a crash it is there whole or not at all.
func place(name string, existing Existing, content func(io.Writer) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("create temporary file: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // fails when it was renamed
	err = content(temporary)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := give(temporary.Name(), name, existing); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// give gives a file its name. A hard link fails where there is a file already, also one that appeared a
// moment ago; file systems without hard links get a look before.
func give(temporary, name string, existing Existing) error {
	if existing == Replace {
		return os.Rename(temporary, name)
	}
	err := os.Link(temporary, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return orExists(err, name)
	}
	if _, err := os.Lstat(name); err == nil {
		return exists(name)
	}
	return os.Rename(temporary, name)
}

func orExists(err error, name string) error {
	if err == nil {
		return nil
	}
	return exists(name)
}

func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // a folder that was just written to
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tarFiles does what kubectl cp asks of tar: tar cf - PATH, and tar -xmf - -C FOLDER.
func tarFiles(args []string) error {
	if len(args) == 3 && args[0] == "cf" {
		return pack(args[2])
	}
	folder := "/"
	if i := slices.Index(args, "-C"); i >= 0 && i+1 < len(args) {
		folder = args[i+1]
	}
	return unpack(folder)
}

func pack(root string) error {
	out := tar.NewWriter(os.Stdout)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name = strings.TrimPrefix(path, "/")
		if err := out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(out, file)
		return err
	})
	if err != nil {
		return err
	}
	return out.Close()
}

func unpack(folder string) error {
	for in := tar.NewReader(os.Stdin); ; {
		header, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(folder, header.Name)
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = create(path, in)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", path, err)
		}
	}
}

func create(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, from)
	return err
}

package image

import (
	"debug/elf"
	"encoding/binary"
	"path/filepath"

	"github.com/fairlead/fairlead"
)

type platform struct{ architecture, variant string }

// inspect finds out for which platform the binary is, and refuses one that an empty image could
// not run: not for Linux, or linked to libraries that are not there.
func inspect(path string) (platform, error) {
	file, err := elf.Open(path)
	if err != nil {
		return platform{}, unfit("%s is not a Linux program: %w", filepath.Base(path), err)
	}
	defer func() { _ = file.Close() }()
	if file.OSABI != elf.ELFOSABI_NONE && file.OSABI != elf.ELFOSABI_LINUX {
		return platform{}, unfit("%s is a program for %s, not for Linux", filepath.Base(path), file.OSABI)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			return platform{}, unfit("%s is not static: build it with CGO_ENABLED=0", filepath.Base(path))
		}
	}
	return platformOf(file)
}

func platformOf(file *elf.File) (platform, error) {
	platforms := map[elf.Machine]platform{
		elf.EM_X86_64: {architecture: "amd64"}, elf.EM_386: {architecture: "386"},
		elf.EM_AARCH64: {"arm64", "v8"}, elf.EM_ARM: {"arm", "v7"},
		elf.EM_RISCV: {architecture: "riscv64"}, elf.EM_S390: {architecture: "s390x"},
	}
	if file.Machine == elf.EM_PPC64 && file.ByteOrder == binary.LittleEndian {
		return platform{architecture: "ppc64le"}, nil
	}
	if known, ok := platforms[file.Machine]; ok {
		return known, nil
	}
	return platform{}, unfit("no image platform is known for %s", file.Machine)
}

func unfit(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("BinaryNotPackable")
}

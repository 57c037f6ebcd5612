// Package loader writes the few hundred bytes of machine code that start a program which had to be cut in parts to get into a
// pod: a static ELF file that joins /probe/part-00, /probe/part-01, … in a file in memory and executes that. It needs no
// interpreter, no library, no /proc and no writable file system.
package loader

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Where the loader expects what belongs to it, and what the program is called with.
const (
	Folder  = "/probe"
	Plan    = Folder + "/plan.json"
	Program = "fairlead-probe"
)

// MaxParts is how many parts a loader can join.
const MaxParts = 100

// The exit codes of a loader that could not execute the program.
const (
	ExitMemory = 101 // no file in memory: the kernel or a seccomp profile forbids memfd_create
	ExitOpen   = 102 // a part cannot be opened
	ExitCopy   = 103 // a part cannot be copied: out of memory
	ExitExec   = 104 // the kernel refuses to execute what was joined
)

// Part is the name of a part within Folder.
func Part(i int) string { return fmt.Sprintf("part-%02d", i) }

// Explain says what an exit code of the loader means; false when the code is not the loader's.
func Explain(code int) (string, bool) {
	text, found := map[int]string{
		ExitMemory: "the kernel or a seccomp profile does not allow a program in memory (memfd_create)",
		ExitOpen:   "a part of the program is missing in " + Folder,
		ExitCopy:   "the parts of the program do not fit into the pod's memory",
		ExitExec:   "the kernel refuses to execute the program (vm.memfd_noexec, a security module, or another architecture)",
	}[code]
	return text, found
}

// ELF gives the loader for an architecture as Go names it, and a number of parts.
func ELF(arch string, parts int) ([]byte, error) {
	if parts < 1 || parts > MaxParts {
		return nil, fmt.Errorf("a loader joins 1 to %d parts, not %d", MaxParts, parts)
	}
	switch arch {
	case "amd64":
		return file(machineAMD64, parts, emitAMD64), nil
	case "arm64":
		return file(machineARM64, parts, emitARM64), nil
	}
	return nil, fmt.Errorf("there is no loader for %s", arch)
}

const (
	base         = 0x400000 // where the file is mapped, low enough for addresses of 32 bits
	headers      = 64 + 56
	align        = 0x10000 // the largest page of arm64
	machineAMD64 = 62
	machineARM64 = 183
	pathSize     = 16 // of each part's path, with the zero that ends it
)

// table is where in memory the loader's data lies.
type table struct {
	paths, end   uint32 // the first path, and the end of the last
	empty        uint32 // "", name of the file in memory, and the path for execveat
	argv, noEnvp uint32
}

// file lays out headers, code and data. The code's length does not depend on the addresses in it, so that emitting it twice
// finds them.
func file(machine uint16, parts int, emit func(table) []byte) []byte {
	at := base + headers + uint32(len(emit(table{}))) //nolint:gosec // a few hundred
	at = (at + pathSize - 1) &^ (pathSize - 1)
	data, where := layout(at, parts)
	code := emit(where)
	content := append(code, make([]byte, int(at)-base-headers-len(code))...)
	return slices.Concat(header(machine, headers+len(content)+len(data)), content, data)
}

func layout(at uint32, parts int) ([]byte, table) {
	var data []byte
	here := func() uint32 { return at + uint32(len(data)) } //nolint:gosec // a few hundred
	text := func(s string) uint32 {
		where := here()
		data = append(data, s...)
		data = append(data, make([]byte, pathSize-len(s)%pathSize)...)
		return where
	}
	where := table{paths: at}
	for i := range parts {
		text(Folder + "/" + Part(i))
	}
	where.end = here()
	where.empty = text("")
	program, plan := text(Program), text(Plan)
	where.argv = here()
	for _, pointer := range []uint32{program, plan, 0} {
		data = binary.LittleEndian.AppendUint64(data, uint64(pointer))
	}
	where.noEnvp = here() - 8
	return data, where
}

// header gives the ELF header and the one program header: all of the file, readable and executable.
func header(machine uint16, size int) []byte {
	le := binary.LittleEndian
	elf := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, half := range []uint16{2, machine} { // an executable
		elf = le.AppendUint16(elf, half)
	}
	elf = le.AppendUint32(elf, 1)
	for _, word := range []uint64{base + headers, 64, 0} { // entry, program headers, no section headers
		elf = le.AppendUint64(elf, word)
	}
	elf = le.AppendUint32(elf, 0)
	for _, half := range []uint16{64, 56, 1, 64, 0, 0} {
		elf = le.AppendUint16(elf, half)
	}
	elf = le.AppendUint32(elf, 1)                                                     // to be loaded
	elf = le.AppendUint32(elf, 5)                                                     // readable, executable
	for _, word := range []uint64{0, base, base, uint64(size), uint64(size), align} { //nolint:gosec // a few kilobytes
		elf = le.AppendUint64(elf, word)
	}
	return elf
}

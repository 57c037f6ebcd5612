package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestELFIsWellFormed(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for arch, machine := range machines {
		for _, parts := range []int{1, 7, MaxParts} {
			t.Run(fmt.Sprint(arch, parts), func(t *testing.T) {
				image, err := ELF(arch, parts)
				must(t, err)
				file, err := elf.NewFile(bytes.NewReader(image))
				must(t, err)
				load := file.Progs[0]
				if file.Machine != machine || len(file.Progs) != 1 || load.Filesz != uint64(len(image)) || load.Flags != elf.PF_R|elf.PF_X {
					t.Errorf("machine %v, program headers %v, for %d bytes", file.Machine, load.ProgHeader, len(image))
				}
				if last := "/probe/" + Part(parts-1) + "\x00"; !bytes.Contains(image, []byte(last)) {
					t.Errorf("no path %q", last)
				}
			})
		}
	}
}

func TestELFRefuses(t *testing.T) {
	cases := map[string]struct {
		arch  string
		parts int
	}{"NoParts": {"amd64", 0}, "TooMany": {"arm64", MaxParts + 1}, "OtherArch": {"riscv64", 1}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := ELF(c.arch, c.parts); err == nil {
				t.Error("no error")
			}
		})
	}
}

// loading is a folder that a loader finds, and what comes of it.
type loading struct {
	reason string
	parts  int
	spoil  func(t *testing.T, folder string)
	code   int
	stdout string
}

// The loader runs for real, in a root of its own that holds nothing but it and the parts: no /proc, no library.
func TestLoad(t *testing.T) {
	cases := map[string]loading{
		"OnePart":   {"the smallest number", 1, nil, 7, "fairlead-probe,/probe/plan.json"},
		"ManyParts": {"two digits, and a last part that is shorter", 13, nil, 7, "fairlead-probe,/probe/plan.json"},
		"LostPart":  {"a part that is missing is told", 3, remove, ExitOpen, ""},
		"Folder":    {"a part that cannot be read is told", 3, replace, ExitCopy, ""},
		"Nonsense":  {"what is no program is told", 3, overwrite, ExitExec, ""},
	}
	// An emulator hands execveat on to this machine's kernel, which knows programs of its own architecture only.
	program := compile(t)
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			emulator := runnable(t, arch)
			for name, c := range cases {
				t.Run(name, func(t *testing.T) { c.check(t, arch, emulator, program) })
			}
		})
	}
}

func (c loading) check(t *testing.T, arch, emulator string, program []byte) {
	root := t.TempDir()
	lay(t, root, arch, program, c.parts)
	if c.spoil != nil {
		c.spoil(t, filepath.Join(root, Folder))
	}
	stdout, trace, code := start(t, root, emulator)
	if code == ExitExec && c.code != ExitExec && strings.Contains(trace, "Function not implemented") {
		checkTrace(t, root, trace, len(program))
		t.Skip("this version of the emulator lacks execveat: checked what the loader calls it with, not that it runs")
	}
	if code != c.code || stdout != c.stdout {
		t.Errorf("%s: exit code %d, output %q; want %d, %q", c.reason, code, stdout, c.code, c.stdout)
	}
}

func remove(t *testing.T, folder string) { must(t, os.Remove(filepath.Join(folder, Part(1)))) }

func replace(t *testing.T, folder string) {
	remove(t, folder)
	must(t, os.Mkdir(filepath.Join(folder, Part(1)), 0o755))
}

func overwrite(t *testing.T, folder string) {
	must(t, os.WriteFile(filepath.Join(folder, Part(0)), []byte("nonsense"), 0o600))
}

func lay(t *testing.T, root, arch string, program []byte, parts int) {
	t.Helper()
	folder := filepath.Join(root, Folder)
	must(t, os.Mkdir(folder, 0o755))
	image, err := ELF(arch, parts)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "loader"), image, 0o755))
	size := (len(program) + parts - 1) / parts
	for i := range parts {
		must(t, os.WriteFile(filepath.Join(folder, Part(i)), program[i*size:min((i+1)*size, len(program))], 0o600))
	}
}

func start(t *testing.T, root, emulator string) (stdout, trace string, code int) {
	t.Helper()
	command := exec.Command("/probe/loader")
	if emulator != "" {
		copied, err := os.ReadFile(emulator)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(root, "emulator"), copied, 0o755))
		command = exec.Command("/emulator", "-strace", "/probe/loader")
	}
	var out, stderr strings.Builder
	command.Stdout, command.Stderr, command.Dir = &out, &stderr, "/"
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	err := command.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), stderr.String(), command.ProcessState.ExitCode()
}

// checkTrace reads the emulator's list of system calls: every byte must have been copied, and the program be executed
// with its name and its plan, from the file in memory and with no environment.
func checkTrace(t *testing.T, root, trace string, size int) {
	t.Helper()
	image, err := os.ReadFile(filepath.Join(root, Folder, "loader"))
	must(t, err)
	copied, executed := 0, false
	for line := range strings.Lines(trace) {
		var fd, name, argv, envp, flags, n int
		if _, call, found := strings.Cut(line, " sendfile("); found {
			_, result, _ := strings.Cut(call, " = ")
			_, err := fmt.Sscan(result, &n)
			must(t, err)
			copied += n
		}
		if _, call, found := strings.Cut(line, " execveat("); found {
			_, err := fmt.Sscanf(call, "%d,%d,%d,%d,%d", &fd, &name, &argv, &envp, &flags)
			must(t, err)
			executed = true
			got := []string{text(image, name), text(image, pointer(image, argv)), text(image, pointer(image, argv+8))}
			if want := []string{"", Program, Plan}; !slices.Equal(got, want) || pointer(image, argv+16) != 0 || pointer(image, envp) != 0 || fd < 3 || flags != atEmptyPath {
				t.Errorf("execveat is called with %q, file %d, flags %#x", got, fd, flags)
			}
		}
	}
	if copied != size || !executed {
		t.Errorf("%d of %d bytes copied, executed %v:\n%s", copied, size, executed, trace)
	}
}

func text(image []byte, address int) string {
	before, _, _ := bytes.Cut(image[address-base:], []byte{0})
	return string(before)
}

func pointer(image []byte, address int) int {
	return int(binary.LittleEndian.Uint64(image[address-base:]))
}

// runnable skips where the architecture cannot be run, and names the emulator where one is needed.
func runnable(t *testing.T, arch string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("running the loader in a root of its own needs Linux and root")
	}
	if arch == runtime.GOARCH {
		return ""
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]
	emulator, err := exec.LookPath("qemu-" + machine + "-static")
	if err != nil {
		t.Skipf("running the loader for %s on %s needs Debian's package qemu-user-static: %v", arch, runtime.GOARCH, err)
	}
	return emulator
}

const source = `package main

import (
	"os"
	"strings"
)

func main() {
	os.Stdout.WriteString(strings.Join(os.Args, ","))
	if len(os.Environ()) > 0 {
		os.Exit(1)
	}
	os.Exit(7)
}
`

func compile(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(source), 0o600))
	command := exec.Command("go", "build", "-ldflags", "-s -w", "-o", "program", "main.go")
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(folder, "program"))
	must(t, err)
	return program
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

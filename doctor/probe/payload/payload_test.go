package payload

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"testing"
	"testing/fstest"
)

func TestProgramUnpacks(t *testing.T) {
	files := fstest.MapFS{"bin/fairlead-probe-linux-amd64.gz": {Data: pack(t, "the program")}}
	got, err := program(files, "amd64")
	if err != nil || string(got) != "the program" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	if _, err := Program("riscv64"); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want %v", err, ErrMissing)
	}
}

func TestProgramThatIsDamaged(t *testing.T) {
	cases := map[string][]byte{"NotPacked": []byte("the program"), "CutShort": pack(t, "the program")[:20]}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := program(fstest.MapFS{"bin/fairlead-probe-linux-arm64.gz": {Data: data}}, "arm64")
			if err == nil || errors.Is(err, ErrMissing) {
				t.Errorf("got %v, want an error about the damage", err)
			}
		})
	}
}

// What is embedded must be what its name says: a static program for that architecture.
func TestEmbeddedPrograms(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for arch, machine := range machines {
		t.Run(arch, func(t *testing.T) {
			data, err := Program(arch)
			if errors.Is(err, ErrMissing) {
				t.Skip("not built yet: make probe")
			}
			if err != nil {
				t.Fatal(err)
			}
			file, err := elf.NewFile(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if libraries, _ := file.ImportedLibraries(); file.Machine != machine || len(libraries) > 0 {
				t.Errorf("machine %v, libraries %v", file.Machine, libraries)
			}
		})
	}
}

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

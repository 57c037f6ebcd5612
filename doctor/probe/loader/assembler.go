package loader

import "encoding/binary"

// Numbers that both architectures share.
const (
	mfdCloexec  = 0x1
	mfdExec     = 0x10 // kernels before 6.3 do not know it
	atEmptyPath = 0x1000
	mostAtOnce  = 0x7ffff000 // what one sendfile copies at most
)

// assembler collects machine code, and fills in the jumps when all labels are known.
type assembler struct {
	code   []byte
	labels map[string]int
	jumps  []jump
}

// jump is an instruction whose target is to be patched.
type jump struct {
	at    int
	label string
	patch func(code []byte, at, target int)
}

func (a *assembler) raw(bytes ...byte) { a.code = append(a.code, bytes...) }

func (a *assembler) word(value uint32) { a.code = binary.LittleEndian.AppendUint32(a.code, value) }

func (a *assembler) label(name string) {
	if a.labels == nil {
		a.labels = map[string]int{}
	}
	a.labels[name] = len(a.code)
}

func (a *assembler) to(label string, patch func([]byte, int, int)) {
	a.jumps = append(a.jumps, jump{len(a.code), label, patch})
}

func (a *assembler) finish() []byte {
	for _, j := range a.jumps {
		j.patch(a.code, j.at, a.labels[j.label])
	}
	return a.code
}

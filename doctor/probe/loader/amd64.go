package loader

import "encoding/binary"

// The opcodes of "mov register, constant of 32 bits", each followed by the constant.
func amd64Constant(register string) []byte {
	return map[string][]byte{
		"eax": {0xb8}, "ebx": {0xbb}, "edx": {0xba}, "esi": {0xbe}, "edi": {0xbf}, "r8d": {0x41, 0xb8}, "r10d": {0x41, 0xba},
	}[register]
}

type amd64 struct{ assembler }

func (a *amd64) set(register string, value uint32) {
	a.raw(amd64Constant(register)...)
	a.word(value)
}

// call makes a system call; its arguments are in edi, esi, edx, r10d, r8d.
func (a *amd64) call(number uint32) {
	a.set("eax", number)
	a.raw(0x0f, 0x05) // syscall
}

// jump emits an opcode that is followed by a distance of 32 bits.
func (a *amd64) jump(label string, opcode ...byte) {
	a.raw(opcode...)
	a.to(label, func(code []byte, at, target int) {
		binary.LittleEndian.PutUint32(code[at:], uint32(target-at-4)) //nolint:gosec // two's complement is meant
	})
	a.word(0)
}

func (a *amd64) failed(label string) {
	a.raw(0x48, 0x85, 0xc0)   // test rax, rax
	a.jump(label, 0x0f, 0x88) // js
}

func (a *amd64) exit(label string, code uint32) {
	a.label(label)
	a.set("edi", code)
	a.call(231) // exit_group
}

func emitAMD64(where table) []byte {
	a := &amd64{}
	a.set("edi", where.empty)
	a.set("esi", mfdExec|mfdCloexec)
	a.call(319) // memfd_create
	a.failed("older")
	a.label("created")
	a.raw(0x41, 0x89, 0xc4) // mov r12d, eax
	a.set("ebx", where.paths)
	a.copyParts(where.end)
	a.raw(0x44, 0x89, 0xe7) // mov edi, r12d
	a.set("esi", where.empty)
	a.set("edx", where.argv)
	a.set("r10d", where.noEnvp)
	a.set("r8d", atEmptyPath)
	a.call(322) // execveat
	a.exit("exec", ExitExec)
	a.label("older")
	a.set("edi", where.empty)
	a.set("esi", mfdCloexec)
	a.call(319) // memfd_create
	a.failed("memory")
	a.jump("created", 0xe9) // jmp
	a.exit("memory", ExitMemory)
	a.exit("open", ExitOpen)
	a.exit("copy", ExitCopy)
	return a.finish()
}

// copyParts appends the files whose paths begin at ebx to the file r12d.
func (a *amd64) copyParts(end uint32) {
	a.label("part")
	a.raw(0x89, 0xdf) // mov edi, ebx
	a.raw(0x31, 0xf6) // xor esi, esi
	a.call(2)         // open
	a.failed("open")
	a.raw(0x89, 0xc5) // mov ebp, eax
	a.label("more")
	a.raw(0x44, 0x89, 0xe7) // mov edi, r12d
	a.raw(0x89, 0xee)       // mov esi, ebp
	a.raw(0x31, 0xd2)       // xor edx, edx
	a.set("r10d", mostAtOnce)
	a.call(40) // sendfile
	a.failed("copy")
	a.jump("more", 0x0f, 0x85)  // jnz
	a.raw(0x89, 0xef)           // mov edi, ebp
	a.call(3)                   // close
	a.raw(0x83, 0xc3, pathSize) // add ebx, 16
	a.raw(0x81, 0xfb)           // cmp ebx, end
	a.word(end)
	a.jump("part", 0x0f, 0x85) // jne
}

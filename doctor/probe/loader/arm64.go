package loader

import "encoding/binary"

type arm64 struct{ assembler }

// set puts 32 bits into a register, with movz and movk.
func (a *arm64) set(register, value uint32) {
	a.word(0xd2800000 | value&0xffff<<5 | register)
	a.word(0xf2a00000 | value>>16<<5 | register)
}

func (a *arm64) move(to, from uint32) { a.word(0xaa0003e0 | from<<16 | to) }

// call makes a system call; its arguments are in x0 to x4.
func (a *arm64) call(number uint32) {
	a.set(8, number)
	a.word(0xd4000001) // svc #0
}

// jump emits an instruction whose distance is counted in instructions, and lies in so many bits from the bit shift on.
func (a *arm64) jump(label string, instruction uint32, bits, shift int) {
	a.to(label, func(code []byte, at, target int) {
		distance := uint32((target-at)/4) & (1<<bits - 1) //nolint:gosec // two's complement is meant
		binary.LittleEndian.PutUint32(code[at:], instruction|distance<<shift)
	})
	a.word(0)
}

// failed jumps when x0 is negative.
func (a *arm64) failed(label string) { a.jump(label, 0xb7f80000, 14, 5) } // tbnz x0, #63

func (a *arm64) exit(label string, code uint32) {
	a.label(label)
	a.set(0, code)
	a.call(94) // exit_group
}

// x19 is the path of the part, x20 the end of the paths, x21 the file in memory, x22 the part.
func emitARM64(where table) []byte {
	a := &arm64{}
	a.set(0, where.empty)
	a.set(1, mfdExec|mfdCloexec)
	a.call(279) // memfd_create
	a.failed("older")
	a.label("created")
	a.move(21, 0)
	a.set(19, where.paths)
	a.set(20, where.end)
	a.copyParts()
	a.move(0, 21)
	a.set(1, where.empty)
	a.set(2, where.argv)
	a.set(3, where.noEnvp)
	a.set(4, atEmptyPath)
	a.call(281) // execveat
	a.exit("exec", ExitExec)
	a.label("older")
	a.set(0, where.empty)
	a.set(1, mfdCloexec)
	a.call(279) // memfd_create
	a.failed("memory")
	a.jump("created", 0x14000000, 26, 0) // b
	a.exit("memory", ExitMemory)
	a.exit("open", ExitOpen)
	a.exit("copy", ExitCopy)
	return a.finish()
}

func (a *arm64) copyParts() {
	a.label("part")
	a.word(0x92800000 | 99<<5) // mov x0, #-100: AT_FDCWD, which the absolute path makes meaningless
	a.move(1, 19)
	a.set(2, 0)
	a.call(56) // openat
	a.failed("open")
	a.move(22, 0)
	a.label("more")
	a.move(0, 21)
	a.move(1, 22)
	a.set(2, 0)
	a.set(3, mostAtOnce)
	a.call(71) // sendfile
	a.failed("copy")
	a.jump("more", 0xb5000000, 19, 5) // cbnz x0
	a.move(0, 22)
	a.call(57)                                     // close
	a.word(0x91000000 | pathSize<<10 | 19<<5 | 19) // add x19, x19, #16
	a.word(0xeb14027f)                             // cmp x19, x20
	a.jump("part", 0x54000001, 19, 5)              // b.ne
}

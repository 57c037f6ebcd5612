package tunnel

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// The operations of RFC 6455.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

const (
	maxHead     = 14      // of a frame
	maxFrame    = 1 << 20 // larger ones are refused
	maxMessage  = 64<<10 - maxHead
	maxControl  = 125
	maskSize    = 4
	leastHead   = 2
	finalBit    = 0x80
	reservedBit = 0x70
	maskedBit   = 0x80
	controlBit  = 0x08
	lengthIn16  = 126
	lengthIn64  = 127
)

// head is the head of a frame.
type head struct {
	final, masked bool
	op            byte
	length        int64
	mask          [maskSize]byte
}

// restOf returns how many bytes of a head follow its first two.
func restOf(first [leastHead]byte) int {
	size := 0
	switch first[1] &^ maskedBit {
	case lengthIn16:
		size = 2
	case lengthIn64:
		size = 8
	}
	if first[1]&maskedBit != 0 {
		size += maskSize
	}
	return size
}

// parseHead reads a head of which rest is what follows its first two bytes.
func parseHead(first [leastHead]byte, rest []byte) (head, error) {
	h := head{
		final: first[0]&finalBit != 0, op: first[0] & 0xf,
		masked: first[1]&maskedBit != 0, length: int64(first[1] &^ maskedBit),
	}
	switch h.length {
	case lengthIn16:
		h.length, rest = int64(binary.BigEndian.Uint16(rest)), rest[2:]
	case lengthIn64:
		length := binary.BigEndian.Uint64(rest)
		h.length, rest = int64(min(length, maxFrame+1)), rest[8:]
	}
	if h.masked {
		h.mask = [maskSize]byte(rest)
	}
	return h, h.check(first[0])
}

func (h head) check(first byte) error {
	switch {
	case first&reservedBit != 0:
		return breach(closeProtocol, "a frame with reserved bits, as of a compression that was not agreed on")
	case h.op == opText:
		return breach(closeUnsupported, "a message of text")
	case h.op > opPong || (h.op > opBinary && h.op < opClose):
		return breach(closeProtocol, fmt.Sprintf("a frame of the unknown kind %d", h.op))
	case h.op&controlBit != 0 && (!h.final || h.length > maxControl):
		return breach(closeProtocol, "a control frame that is too large or in pieces")
	case h.length > maxFrame:
		return breach(closeTooBig, fmt.Sprintf("a frame of more than %d bytes", maxFrame))
	}
	return nil
}

// appendHead adds the head of a whole message or control frame.
func appendHead(to []byte, op byte, length int, mask *[maskSize]byte) []byte {
	var masked byte
	if mask != nil {
		masked = maskedBit
	}
	to = append(to, finalBit|op)
	switch {
	case length < lengthIn16:
		to = append(to, masked|byte(length)) //nolint:gosec // below 126
	case length < 1<<16:
		to = binary.BigEndian.AppendUint16(append(to, masked|lengthIn16), uint16(length))
	default:
		to = binary.BigEndian.AppendUint64(append(to, masked|lengthIn64), uint64(length))
	}
	if mask != nil {
		to = append(to, mask[:]...)
	}
	return to
}

// patternSize is how many bytes are masked at a time.
const patternSize = 256

// applyMask masks or unmasks what stands from position on in the payload of a frame.
func applyMask(dst, src []byte, mask [maskSize]byte, position int64) {
	var pattern [patternSize]byte
	for i := range maskSize {
		pattern[i] = mask[(position+int64(i))%maskSize]
	}
	for filled := maskSize; filled < min(patternSize, len(src)); filled *= 2 {
		copy(pattern[filled:], pattern[:filled])
	}
	for len(src) > 0 {
		n := subtle.XORBytes(dst, src, pattern[:])
		dst, src = dst[n:], src[n:]
	}
}

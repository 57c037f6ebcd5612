package recording

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// dictionary is what compression of headers begins with, from the draft of SPDY 3, 2.6.10.1.
//
//go:embed spdy3.dictionary
var dictionary []byte

// maxTail is how much of a block may be left when its headers have been read: the end of a flush.
const maxTail = 16

var errHeaders = errors.New("the headers of a SPDY stream are malformed or too large")

// inflater reads blocks of headers that are compressed as one. It never holds more than maxHeaders bytes of any.
type inflater struct {
	compressed bytes.Buffer // implements io.ByteReader, so that no more is taken from it than is needed
	plain      io.Reader
}

// read returns the headers of one block. A name that comes twice, or with several values, is refused: readers differ in what
// they take it for.
func (i *inflater) read(block []byte) (map[string]string, error) {
	i.compressed.Write(block)
	if i.plain == nil {
		reader, err := zlib.NewReaderDict(&i.compressed, dictionary)
		if err != nil {
			return nil, errHeaders
		}
		i.plain = reader
	}
	limited := &io.LimitedReader{R: i.plain, N: maxHeaders}
	found := map[string]string{}
	count, err := number(limited)
	if err != nil {
		return nil, err
	}
	for range count {
		if err := i.pair(limited, found); err != nil {
			return nil, err
		}
	}
	if i.compressed.Len() > maxTail {
		return nil, errHeaders
	}
	return found, nil
}

func (i *inflater) pair(from *io.LimitedReader, into map[string]string) error {
	name, err := text(from)
	if err != nil {
		return err
	}
	value, err := text(from)
	if err != nil {
		return err
	}
	if _, again := into[name]; again || name != strings.ToLower(name) || strings.ContainsRune(value, 0) {
		return errHeaders
	}
	into[name] = value
	return nil
}

func number(from io.Reader) (uint32, error) {
	var raw [4]byte
	if _, err := io.ReadFull(from, raw[:]); err != nil {
		return 0, errHeaders
	}
	return binary.BigEndian.Uint32(raw[:]), nil
}

func text(from *io.LimitedReader) (string, error) {
	length, err := number(from)
	if err != nil || int64(length) > from.N {
		return "", errHeaders
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(from, raw); err != nil {
		return "", errHeaders
	}
	return string(raw), nil
}

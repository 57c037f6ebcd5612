package recording

import (
	"bytes"
	"encoding/json"
)

const maxResize = 256

// sizes reads what a caller's terminal says of its size: documents of JSON, one after the other. What is none is left
// out: it hides nothing.
type sizes struct{ text []byte }

func (s *sizes) take(data []byte, found func(width, height int) error) error {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '}') + 1
		if end == 0 {
			s.keep(data)
			return nil
		}
		s.keep(data[:end])
		data = data[end:]
		var size struct{ Width, Height uint16 }
		err := json.Unmarshal(s.text, &size)
		s.text = nil
		if err != nil {
			continue
		}
		if err := found(int(size.Width), int(size.Height)); err != nil {
			return err
		}
	}
	return nil
}

func (s *sizes) keep(data []byte) {
	if len(s.text)+len(data) > maxResize {
		s.text = nil
		return
	}
	s.text = append(s.text, data...)
}

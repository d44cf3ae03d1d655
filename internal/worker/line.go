package worker

import (
	"bufio"
	"encoding/json"
	"io"
)

// line is what a worker writes: any number of notices, Sending before the first byte is
// sent that can't be taken back, and an answer.
type line struct {
	Notice  json.RawMessage `json:"notice,omitempty"`
	Sending bool            `json:"sending,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// maxLine bounds a line: an answer has at most some 300 KiB of tokens.
const maxLine = 4 << 20

// read calls use with each line, until the worker closes its end or writes what is no
// line. It reports whether the worker has begun to send. Nothing follows an answer.
func read(from io.Reader, use func(line)) (sending bool) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			sending = true // who writes that may have done anything
			break
		}
		sending = sending || l.Sending
		use(l)
		if l.Answer != nil {
			return sending
		}
	}
	_, _ = io.Copy(io.Discard, from) // so that the worker never waits for us
	return sending || lines.Err() != nil
}

package worker

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Serve is the worker's side: it reads the request and calls work, which gives its
// answer to the caller, early or by returning it. A caller that has gone is no error of
// the work's. Serve returns when the caller has read the answer, or has gone.
func Serve(in io.Reader, out io.Writer, work func(request json.RawMessage, caller *Caller) (answer any)) error {
	request, err := io.ReadAll(io.LimitReader(in, maxLine))
	if err != nil {
		return err
	}
	c := &Caller{lines: make(chan item, maxQueued), written: make(chan struct{})}
	go c.write(out)
	c.Answer(work(request, c))
	<-c.written
	return c.err
}

// Caller is the caller of a worker. The work never waits for a caller that does not read.
type Caller struct {
	// OnAnswer, if not nil, is called before the answer is written.
	OnAnswer func()

	mu         sync.Mutex
	isAnswered bool
	lines      chan item
	written    chan struct{} // is closed after the last line
	err        error         // of the first failed write; read it after written
}

// item is a line on its way. done, if not nil, is closed when it is written.
type item struct {
	text []byte
	done chan struct{}
}

// maxQueued is the number of notices that wait for a caller that does not read.
const maxQueued = 1000

// Notice gives the caller a notice. It is dropped if the caller does not read, and after
// the answer.
func (c *Caller) Notice(n any) {
	data, err := json.Marshal(n)
	if err != nil {
		return
	}
	c.send(line{Notice: data}, nil)
}

// sendingTimeout bounds the wait for a caller that is stopped.
const sendingTimeout = 2 * time.Second

// Sending is called before the first byte is sent that can't be taken back. It returns
// when the caller will know, whatever becomes of this process, or after two seconds.
func (c *Caller) Sending() {
	done := make(chan struct{})
	if !c.send(line{Sending: true}, done) {
		return
	}
	select {
	case <-done:
	case <-time.After(sendingTimeout):
	}
}

// Answer gives the caller the answer, if it has none yet.
func (c *Caller) Answer(answer any) {
	data, err := json.Marshal(answer)
	if err != nil {
		data = json.RawMessage("null")
	}
	text, err := json.Marshal(line{Answer: data})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isAnswered {
		return
	}
	c.isAnswered = true
	if c.OnAnswer != nil {
		c.OnAnswer()
	}
	go func() { // the queue may be full
		if err == nil {
			c.lines <- item{text, nil}
		}
		close(c.lines)
	}()
}

// send queues a line, and reports whether there was room.
func (c *Caller) send(l line, done chan struct{}) bool {
	text, err := json.Marshal(l)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isAnswered {
		return false
	}
	select {
	case c.lines <- item{text, done}:
		return true
	default:
		return false
	}
}

// write writes the lines. After a failure it only empties the queue.
func (c *Caller) write(out io.Writer) {
	for i := range c.lines {
		if c.err == nil {
			_, c.err = out.Write(append(i.text, '\n'))
		}
		if i.done != nil {
			close(i.done)
		}
	}
	close(c.written)
}

package orgtest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// send writes the answer with the fault's changes, or applies the fault to the connection.
func (o *Org) send(w http.ResponseWriter, r *http.Request, a answer, f Fault) {
	switch f.End {
	case Reset:
		resetConn(r)
		panic(http.ErrAbortHandler)
	case Hang:
		o.stall(r)
		panic(http.ErrAbortHandler)
	case EndlessHeaders:
		o.sendHeaders(w, r)
		panic(http.ErrAbortHandler)
	}

	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Date", o.now().UTC().Format(http.TimeFormat))
	maps.Copy(h, a.header)
	maps.Copy(h, f.Header)
	body := a.encode()
	if f.Rewrite != nil {
		body = f.Rewrite(body)
	}
	switch f.End {
	case Truncate:
		truncate(w, a.status, body, f.Keep)
	case Raw:
		// The server's buffers are still empty.
		_, _ = conn(r).Write(body) // fails only if the client has disconnected
	default:
		o.sendBody(w, r, a.status, body, f)
		return
	}
	if f.Stall {
		o.stall(r)
	}
	panic(http.ErrAbortHandler)
}

// stall waits until the client disconnects or the org is closed.
func (o *Org) stall(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-o.closed:
	}
}

func (o *Org) sendBody(w http.ResponseWriter, r *http.Request, status int, body []byte, f Fault) {
	compress := f.Gzip || o.cfg.Gzip && acceptsGzip(r) && len(body) > 0
	if compress {
		w.Header().Set("Content-Encoding", "gzip")
	} else if !o.cfg.Chunked {
		w.Header().Set("Content-Length", strconv.FormatInt(int64(len(body))+f.Pad, 10))
	}
	w.WriteHeader(status)
	out := io.Writer(w)
	if compress {
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			panic("orgtest: " + err.Error()) // only a level that does not exist
		}
		defer z.Close() // fails only if the client has disconnected
		out = z
	}
	if half := len(body) / 2; o.cfg.Chunked && half > 0 {
		if _, err := out.Write(body[:half]); err != nil {
			return
		}
		if !compress {
			flush(w)
		}
		body = body[half:]
	}
	// The client may disconnect before the end, because of the fault.
	_, _ = io.Copy(out, io.MultiReader(bytes.NewReader(body), io.LimitReader(blank{}, f.Pad)))
}

// truncate announces the whole body and sends a part. Then the caller aborts, which closes
// the connection on HTTP/1.1 and resets the stream on HTTP/2.
func truncate(w http.ResponseWriter, status int, body []byte, keep int) {
	if keep == 0 {
		keep = len(body) / 2
	}
	keep = min(keep, len(body))
	w.Header().Set("Content-Length", strconv.Itoa(max(len(body), keep+1)))
	w.WriteHeader(status)
	if _, err := w.Write(body[:keep]); err == nil {
		flush(w)
	}
}

// resetConn makes the kernel send RST instead of the rest.
func resetConn(r *http.Request) {
	c := conn(r)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // if it fails, the client sees a close instead
	}
	_ = c.Close()
}

// sendHeaders sends headers until the client disconnects. HTTP/2 collects all headers before
// it sends the first one, so there it sends more than a client should accept.
func (o *Org) sendHeaders(w http.ResponseWriter, r *http.Request) {
	line := strings.Repeat("~", 16<<10-64)
	if r.ProtoMajor > 1 {
		for i := range 64 {
			w.Header().Set("X-Endless-"+strconv.Itoa(i), line)
		}
		w.WriteHeader(http.StatusOK)
		flush(w)
		return
	}
	// The server's buffers are still empty.
	c := conn(r)
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
	for i := 0; err == nil; i++ {
		_, err = io.WriteString(c, "X-Endless-"+strconv.Itoa(i)+": "+line+"\r\n")
	}
}

func conn(r *http.Request) net.Conn { return r.Context().Value(connKey{}).(net.Conn) }

func flush(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush() // fails only if the client has disconnected
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if name, _, _ := strings.Cut(part, ";"); strings.TrimSpace(name) == "gzip" {
			return true
		}
	}
	return false
}

// blank is a reader of endless white space.
type blank struct{}

func (blank) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

package network

import (
	"crypto/tls"
	wire "encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// Frames of HTTP/2 (RFC 9113, section 6).
const (
	frameData      = 0
	frameHeaders   = 1
	frameRSTStream = 3
	frameSettings  = 4
	frameGoAway    = 7

	flagACK       = 1 // of SETTINGS
	flagEndStream = 1 // of HEADERS and DATA
)

func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload ...byte) {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, _ = w.Write(append(wire.BigEndian.AppendUint32(head, stream), payload...)) // the client may have left
}

// rejecting is a minimal HTTP/2 server. It reads whole requests, records their bodies
// and rejects each.
func rejecting(reject func(c net.Conn, stream uint32, body []byte)) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := io.CopyN(io.Discard, c, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		writeFrame(c, frameSettings, 0, 0)
		var body []byte
		for {
			var head [9]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			kind, flags, stream := head[3], head[4], wire.BigEndian.Uint32(head[5:])
			payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
			if _, err := io.ReadFull(c, payload); err != nil {
				return
			}
			if kind == frameSettings && flags&flagACK == 0 {
				writeFrame(c, frameSettings, flagACK, 0)
			}
			if kind == frameData {
				body = append(body, payload...)
			}
			if (kind == frameData || kind == frameHeaders) && flags&flagEndStream != 0 {
				reject(c, stream, body)
				body = nil
			}
		}
	}
}

// TestResend: an HTTP/2 server can say that it has not processed a request, and the
// standard allows a client to send the request again. The server may be wrong, and a
// refresh token that is sent twice ends the login.
func TestResend(t *testing.T) {
	t.Parallel()
	reset := func(code byte) func(net.Conn, uint32, []byte) {
		return func(c net.Conn, stream uint32, _ []byte) { writeFrame(c, frameRSTStream, 0, stream, 0, 0, 0, code) }
	}
	for name, reject := range map[string]func(net.Conn, uint32, []byte){
		"PROTOCOL_ERROR": reset(1),
		"REFUSED_STREAM": reset(7),
		"GOAWAY, last stream 0": func(c net.Conn, _ uint32, body []byte) {
			writeFrame(c, frameGoAway, 0, 0, append([]byte{0, 0, 0, 0, 0, 0, 0, 0}, body...)...)
		},
		"GOAWAY with an error": func(c net.Conn, stream uint32, body []byte) {
			last := wire.BigEndian.AppendUint32(nil, stream)
			writeFrame(c, frameGoAway, 0, 0, append(append(last, 0, 0, 0, 1), body...)...)
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{})
			var posts atomic.Int32
			config := &tls.Config{Certificates: []tls.Certificate{r.Org.TLSCertificate()}, NextProtos: []string{"h2"}}
			handle := rejecting(func(c net.Conn, stream uint32, body []byte) {
				if strings.Contains(string(body), "refresh_token=5Aep861.test-refresh-token-0001") {
					posts.Add(1)
				}
				reject(c, stream, body)
			})
			address := rig.Listen(t, func(c net.Conn) { handle(tls.Server(c, config)) })
			r.StoreAt(t, "prod", "https://"+address)
			got := r.Run(t.Context(), "", "get", "prod")
			if got.Status != 7 || got.Stdout != "" || !strings.Contains(got.Stderr, "the connection was closed before the whole answer arrived") || !strings.Contains(got.Stderr, "it is unknown whether") {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
			if rig.ShowsSecret(got.Stderr, r.Org.Secrets()) {
				t.Error("stderr shows a secret")
			}
			if n := posts.Load(); n != 1 {
				t.Errorf("the refresh token was sent %d times", n)
			}
		})
	}
}

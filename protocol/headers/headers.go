// Package headers writes the headers of an HTTP request, for programs that run a command to get them.
package headers

import (
	"encoding/json"
	"io"

	"forcecred/protocol"
)

// Encode writes one JSON object with the headers:
//
//	{"Authorization":"Bearer 00D…"}
func Encode(w io.Writer, c protocol.Credential) error {
	return json.NewEncoder(w).Encode(map[string]string{"Authorization": c.TokenType + " " + c.AccessToken.Reveal()})
}
